"""The one error of the local stack."""


class StackError(Exception):
    """One line for people: what was being done, what was expected, what was found, what to do."""
