"""Configurations of QEMU guests → the Hyper-V flags that each guest gets. One module for each format; formats.py chooses.

Knows no leaves. Uses digits, errors, record, wording.
"""
