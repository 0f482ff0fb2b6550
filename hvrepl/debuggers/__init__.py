"""Debuggers as ways in: they find the bytes in a guest's memory, and what is shown is what every other way in shows.

Uses script and what is left of it.
"""
