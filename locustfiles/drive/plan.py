"""What a generator process is given before it starts, and what it reports at its end. Both travel as dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from locustfiles.drive.recorder import RecorderTotals
from locustfiles.load.options import LoadOptions
from model.rows.labels import Label


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """What a generator process is given before it starts.

    ``worker``, ``workers``: its number among those that share the load. ``start_ns``: when the load begins,
    in nanoseconds since the epoch. ``classes``, ``types`` (of the features): the card's, in its order.
    ``duration_s``: how long an open loop has arrivals; None for no end.
    """

    run: str
    worker: int
    workers: int
    start_ns: int
    host: str
    namespace: str
    deployment: str
    heldout: str
    heldout_sha256: str
    features: tuple[str, ...]
    classes: tuple[Label, ...]
    load: LoadOptions
    duration_s: float | None = None
    types: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WorkerPlan:
        """The plan from what `dataclasses.asdict` made of it, after a journey as MessagePack or JSON."""
        sequences = {name: tuple(values[name]) for name in ("features", "classes", "types")}
        return cls(**{**values, **sequences, "load": LoadOptions(**values["load"])})


@dataclass(frozen=True, slots=True)
class DriverReport:
    """What a generator process reports at its end.

    ``cpu_share``: share of one core that it used. ``dropped``: arrivals beyond the allowed number in flight.
    ``waited_share``: share of the run for which it waited for a CPU that others had; None if the kernel does not say,
    or the load was too short to tell (``cpu_share`` is 0 then).
    ``broken_off``: visits that an exception ended. ``users``: of a closed loop, the most that visited at once.
    """

    recorded: RecorderTotals
    cpu_share: float
    dropped: int
    waited_share: float | None = None
    broken_off: int = 0
    users: int = 0

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DriverReport:
        """The report from what `dataclasses.asdict` made of it, after a journey as MessagePack."""
        recorded = values["recorded"]
        tags = tuple(tuple((str(key), str(value)) for key, value in pairs) for pairs in recorded["tags"])
        failures = tuple((str(kind), int(status), str(why)) for kind, status, why in recorded["failures"])
        totals = RecorderTotals(**{**recorded, "tags": tags, "failures": failures})
        return cls(**{**values, "recorded": totals})
