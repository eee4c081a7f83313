"""Builds the models: three papers, one command line (`python -m training --help`)."""
