"""Keys, dead letters and entries in the memory of a process."""
