"""The openly licensed third-party sets, from their projects' own files to the form we read."""
