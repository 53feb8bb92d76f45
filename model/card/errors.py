"""What the card maker refuses."""


class CardError(Exception):
    """A card cannot be made; one line says what was expected, what was found and what to do."""
