"""The error that a person at the command line can mend."""


class UserError(Exception):
    """Something that the caller can put right; shown as its message alone, without a traceback."""
