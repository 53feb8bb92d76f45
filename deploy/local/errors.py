"""The one error of the local stack."""


class StackError(Exception):
    """The local stack cannot do something; one line says what was expected, what was found and what to do."""
