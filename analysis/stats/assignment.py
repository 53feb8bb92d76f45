"""Whether events can be given to options so that the options' weights add up to counts."""

from __future__ import annotations

from typing import Final

import numpy as np

from analysis.record.arrays import Floats, Ints

_INFEASIBLE: Final = 2
"""``status`` of `scipy.optimize.linprog` where nothing fulfils the constraints."""


def can_add_up(options: Ints, least: Ints, most: Ints, counts: Floats) -> bool:
    """Whether ``counts`` [claim] can be of these events.

    ``options`` [pattern, option, claim]: what an event of a pattern adds to each claim, in each way in which it may be
    counted. ``least``, ``most`` [pattern]: how many events of the pattern are counted. What no parts of events explain,
    no whole ones do: it is a linear programme (`scipy.optimize.linprog`, HiGHS). True where that is not decided.
    """
    from scipy.optimize import linprog  # noqa: PLC0415  (heavy, and needed only where bounds leave room)

    patterns, ways, claims = options.shape
    if not patterns:
        return not counts.any()
    of_pattern = np.kron(np.eye(patterns), np.ones(ways))
    answer = linprog(
        np.zeros(patterns * ways),
        A_ub=np.vstack([of_pattern, -of_pattern]),
        b_ub=np.concatenate([most, -least]),
        A_eq=options.reshape(patterns * ways, claims).T,
        b_eq=counts,
    )
    return int(answer.status) != _INFEASIBLE
