"""hvrepl within debuggers."""
