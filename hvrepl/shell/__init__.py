"""The interactive shell: lines from a terminal, run like those of scripts. Uses script and everything before it, but not cli."""
