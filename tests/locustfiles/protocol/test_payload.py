"""What a form of payload cannot carry is refused before anything is sent."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import pytest

from locustfiles.load.options import load_of
from locustfiles.protocol.payload import PayloadError, carriable, truths_of
from model.dataset import Heldout
from model.rows.columns import Rows
from model.rows.labels import Label


def heldout(
    kind: str = "float64", values: tuple[Any, ...] = (1.0, 2.0), classes: tuple[Label, ...] = (0, 1)
) -> Heldout:
    column = np.array(values, dtype=object if kind in {"text", "bool"} else kind)
    rows = Rows(("age", "town"), ("float64", kind), (np.array([1.0, 2.0]), column))
    return Heldout(np.arange(2, dtype=np.int32), rows, np.array([1, 0], np.int16), classes, "h" * 64)


TEXT = heldout("text", ("Ulm", "Bonn"))
HOLES = heldout(values=(1.0, np.nan))


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (TEXT, {}, "expected for a tensor columns of numbers, got town. Give --payload ndarray."),
        (heldout("bool", (True, None)), {}, "expected for a tensor columns of numbers, got town"),
        (HOLES, {}, "no missing value over REST, got some in town. Give --payload ndarray, or --transport grpc."),
        (
            heldout(classes=("bad", "good")),
            {},
            "labels that are numbers, got ['bad', 'good']. Give --payload ndarray or",
        ),
        (heldout(classes=(False, True)), {}, "labels that are numbers, got [False, True]"),
    ],
)
def test_a_tensor_carries_numbers_only(rows: Heldout, options: dict[str, str], message: str) -> None:
    """An ndarray carries all of them."""
    with pytest.raises(PayloadError) as caught:
        carriable(rows, load_of(argparse.Namespace(payload="tensor", **options)))
    assert message in str(caught.value)
    carriable(rows, load_of(argparse.Namespace(payload="ndarray", **options)))


def test_a_tensor_carries_what_it_can() -> None:
    """Numbers; missing ones by gRPC; any labels as one-hot."""
    carriable(heldout("float32"), load_of(argparse.Namespace(payload="tensor")))
    carriable(HOLES, load_of(argparse.Namespace(payload="tensor", transport="grpc")))
    carriable(heldout(classes=("bad", "good")), load_of(argparse.Namespace(payload="tensor", truth="onehot")))


def test_the_truth_is_a_label_or_a_one_at_its_class() -> None:
    rows = heldout(classes=("bad", "good"))
    assert truths_of(rows, "label") == ["good", "bad"]
    assert truths_of(rows, "onehot") == [[0, 1], [1, 0]]
