"""What several things say together: a crash, the CPUs of a machine, the slots of a page, the claims of a log, a number without a name.
Uses codec, readers and catalog."""
