"""Readers of texts and labels: local files, hub datasets, benchmarks."""
