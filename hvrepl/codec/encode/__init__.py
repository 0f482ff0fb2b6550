"""FIELD=VALUE, and trees from JSON → bytes. Uses codec and catalog."""
