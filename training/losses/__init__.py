"""Losses; one a file."""
