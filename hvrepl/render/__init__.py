"""Decoded and definitions → text: screens, lines, tables, JSON, CSV. Decodes nothing. Uses analysis and what is left of it."""
