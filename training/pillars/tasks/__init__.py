"""Tasks that classifiers are tuned to: their data, their targets, their scores."""
