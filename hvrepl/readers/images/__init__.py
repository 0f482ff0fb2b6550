"""Memory images: what they hold by guest physical address. One module for each format; formats.py chooses.

Uses errors, record, catalog (the size of a page).
"""
