"""The command line of the system: its help, and what its shells complete. Uses script and what is left of it; knows no shell of hvrepl."""

COMPLETE = "_HVREPL_COMPLETE"  # set by the completion scripts that --install-completion writes
