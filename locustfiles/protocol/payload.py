"""What of the rows and labels travels in a request, and what its form cannot carry."""

from __future__ import annotations

from typing import Final

from locustfiles.load.options import LoadOptions, Truth
from model.dataset import Heldout
from model.rows.columns import NUMBERS
from model.rows.labels import Label, one_hot

TruthValue = Label | list[int]
"""The truth of one row: its label, or a one among zeros at the place of its class."""
SHOWN: Final = 3


class PayloadError(Exception):
    """The rows cannot travel in the form that the options ask for; one line says why and what to do."""


def carriable(heldout: Heldout, load: LoadOptions) -> None:
    """Raise `PayloadError` if the load's payload cannot carry the rows or the truth.

    A tensor holds floating-point numbers only. Over gRPC that is NaN too; JSON has no NaN, and in place of one Seldon's
    wrapper would take the whole tensor for text.
    """
    if load.payload != "tensor":
        return
    rows = heldout.rows
    others = [name for name, kind in zip(rows.names, rows.types, strict=True) if kind not in NUMBERS]
    if others:
        raise PayloadError(_tensor(f"columns of numbers, got {_shown(others)}. Give --payload ndarray."))
    if load.transport == "rest" and rows.missing:
        raise PayloadError(
            _tensor(
                f"no missing value over REST, got some in {_shown(list(rows.missing))}. "
                "Give --payload ndarray, or --transport grpc."
            )
        )
    strange = [label for label in heldout.classes if isinstance(label, str | bool)]
    if load.truth == "label" and strange:
        raise PayloadError(
            _tensor(f"labels that are numbers, got {strange}. Give --payload ndarray or --truth onehot.")
        )


def _tensor(problem: str) -> str:
    return f"reading --payload: expected for a tensor {problem}"


def _shown(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def truths_of(heldout: Heldout, form: Truth) -> list[TruthValue]:
    """The truth of each held-out row, as it is sent."""
    classes = heldout.classes
    by_class: list[TruthValue] = [
        label if form == "label" else one_hot(place, len(classes)) for place, label in enumerate(classes)
    ]
    return [by_class[place] for place in heldout.truth_index.tolist()]
