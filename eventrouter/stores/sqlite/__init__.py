"""Keys, dead letters and entries in an SQLite file."""
