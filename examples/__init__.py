"""Applications that show what eventrouter does, with events to try them on."""
