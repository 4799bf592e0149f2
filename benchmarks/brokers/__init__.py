"""What consumes from each broker: by hand, with eventrouter, with FastStream."""
