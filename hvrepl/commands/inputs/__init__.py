"""The words of a command, files and stdin → the thing that is meant and its values. Answers nothing. Uses readers, codec, catalog and the
session."""
