"""The one error of this package: a target that cannot be asked."""


class UsageError(Exception):
    """The target cannot be asked, and the message says why and what would help; the command line's exit 2.

    It is never a verdict: nothing was observed about a field.
    """
