"""Models; one idea a file."""
