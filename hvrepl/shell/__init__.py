"""The interactive shell: lines from a terminal, run as scripts run them. Uses script and what is left of it; knows no command line."""
