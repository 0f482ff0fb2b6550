"""The command line of the system: help, and completion in its shells. Uses script and what comes before it, but not hvrepl's shell."""

COMPLETE = "_HVREPL_COMPLETE"  # set by the completion scripts that --install-completion writes
