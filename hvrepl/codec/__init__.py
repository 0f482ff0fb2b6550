"""Layouts ⇄ bytes: schemas of the specs, and `Decoded`, the one node that everything is shown from. Does not read pasted text.
Uses catalog."""
