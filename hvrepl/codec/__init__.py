"""Layouts ⇄ bytes: schemas of the specs, and `Decoded`, the one node that everything is shown from. Knows no text that people paste.
Uses catalog."""
