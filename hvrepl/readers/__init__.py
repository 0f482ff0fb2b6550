"""Pasted text and files → numbers, bytes, leaves, lines. Knows no layouts, so nothing has a meaning yet. Uses catalog."""
