"""Errors that end a command with exit status 2."""


class UsageError(Exception):
    """An option, a file or a target cannot be used; the message says why, and what would help.

    It is never a verdict: nothing was observed about a field.
    """
