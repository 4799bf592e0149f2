"""Running each handler once for an event, and setting aside what was not handled."""
