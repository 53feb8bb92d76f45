"""What the state file of a stack says of a replica, and the name of that file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FILE: Final = "state.json"


@dataclass(frozen=True, slots=True)
class ReplicaRecord:
    """One replica: where it answers and is scraped, and ``cluster``, Envoy's name of what it belongs to."""

    predictor: str
    pod: str
    model: str
    shadow: bool
    rest_url: str
    grpc_address: str
    metrics_url: str
    cluster: str
