"""Conclusions from several values: a crash, a machine's CPUs, a page's slots, a log's claims, a number without a name.
Uses codec, readers and catalog."""
