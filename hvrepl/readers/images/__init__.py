"""Memory images: their contents by guest physical address. One module per format; formats.py chooses.

Uses errors, record, catalog (the size of a page).
"""
