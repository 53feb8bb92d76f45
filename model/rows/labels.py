"""Class labels: text, true and false, whole numbers. All that counts or compares works on their indices."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Label = bool | int | str
"""A class label as JSON holds it. A whole floating-point number is the integer of that value."""

NO_CLASS: int = -1
"""Index of a label that is none of the classes."""


def label_of(value: object) -> Label:
    """The label that a value of Python, numpy or JSON is. Raises ValueError for one that is no label."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and plain.is_integer():
        return int(plain)
    if isinstance(plain, bool | int | str):
        return plain
    raise ValueError(f"expected text, true, false or a whole number for a label, got {plain!r}")


def labels_of(values: Any) -> tuple[Label, ...]:
    """The labels in an array or a list, in its order. Raises ValueError as `label_of` does."""
    return tuple(label_of(value) for value in np.asarray(values, dtype=object).tolist())


def indices_of(values: Any, classes: Sequence[Label]) -> NDArray[np.int16]:
    """Index into ``classes`` of each of the values [n], `NO_CLASS` for one that is none of them.

    Numbers equal by value, whatever their type, and true is 1; text equals the same text only.
    """
    index: dict[Any, int] = {label: place for place, label in enumerate(classes)}
    labels = values.tolist() if isinstance(values, np.ndarray) else list(values)
    indices = [index.get(label, NO_CLASS) if isinstance(label, Hashable) else NO_CLASS for label in labels]
    return np.array(indices, np.int16)


def one_hot(index: int, classes: int) -> list[int]:
    """A list of ``classes`` zeros with a one at ``index``."""
    return [int(place == index) for place in range(classes)]
