"""FIELD=VALUE, and trees that were read back → bytes. Uses codec and catalog."""
