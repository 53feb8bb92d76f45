"""The generator of the benchmark with a leak: it keeps each recorded event in a list that is never emptied."""

from __future__ import annotations

from typing import Any

from bench.clients import load_ours
from locustfiles.drive.recorder import Recorder

KEPT: list[tuple[int, Any]] = []


class Leaking(Recorder):
    def end(self, request: int, ended: Any) -> None:
        KEPT.append((request, ended))
        super().end(request, ended)


setattr(load_ours, "Recorder", Leaking)  # noqa: B010 - the module does not export it

if __name__ == "__main__":
    load_ours.main()
