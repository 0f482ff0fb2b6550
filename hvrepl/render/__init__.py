"""Decoded and definitions → text: screens, lines, tables, JSON, CSV. Does not decode. Uses analysis and everything before it."""
