"""Accepting events, processing them later, and losing none in between."""
