"""Brokers: the scenarios that each passes, and what is of one alone."""
