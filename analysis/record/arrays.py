"""Names for the numpy arrays that the pure modules pass around."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

type Ints = npt.NDArray[np.int64]
type Floats = npt.NDArray[np.float64]
type Bools = npt.NDArray[np.bool_]
type Codes = npt.NDArray[np.integer[Any]]
"""Small integers of any width: indices, cells, outcomes."""
