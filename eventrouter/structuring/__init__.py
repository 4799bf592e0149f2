"""Strict cattrs hooks, a module for each kind of type."""
