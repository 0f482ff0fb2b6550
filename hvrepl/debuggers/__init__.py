"""Debuggers as ways in: they find the bytes in a guest's memory; the output is the same as everywhere.

Uses script and everything before it.
"""
