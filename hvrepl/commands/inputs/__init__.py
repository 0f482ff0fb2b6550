"""The words of a command, files and stdin → the thing that is meant, and its values. Does not print answers. Uses readers, codec, catalog
and the session."""
