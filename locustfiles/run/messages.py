"""The messages between master and workers, apart from Locust's own. Each carries the id of its run.

| message | from | content |
|---|---|---|
| `PLAN` | master | `drive.plan.WorkerPlan` as a dictionary |
| `READY` | worker | the rows are read, Locust's users exist, or this worker cannot take part |
| `TIME` | both | the master asks for the worker's clock; the worker answers with it |
| `START` | master | when the load begins |
| `EVENTS` | worker | a batch of the ledger, as bytes |
| `DRAIN` | master | begin no other request; how long those in flight may take |
| `FINAL` | worker | `drive.plan.DriverReport` as a dictionary, after the last batch |
"""

from __future__ import annotations

from typing import Final

PLAN: Final = "plumbline_plan"
READY: Final = "plumbline_ready"
TIME: Final = "plumbline_time"
START: Final = "plumbline_start"
EVENTS: Final = "plumbline_events"
DRAIN: Final = "plumbline_drain"
FINAL: Final = "plumbline_final"
