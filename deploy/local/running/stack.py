"""A stack while it runs: started in order by real readiness, recorded, watched, and stopped in reverse order."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

from deploy.local.config.assembly import Assembly, Folders
from deploy.local.errors import StackError
from deploy.local.running import probe, processes, state
from deploy.local.running.child_process import ChildProcess

SHORT_DEADLINE_S: Final = 0.4
"""Time to stop for a process of a stack that was interrupted, so that all of it is gone within five seconds."""

FIRST_SCRAPE_S: Final = 30.0
"""How long Prometheus may take to its first scrape of every target, besides the interval within which it comes."""


class Stack:
    """The processes of an assembly.

    Ready means: every model, Envoy and Prometheus serve, then every target was scraped with success, because a target
    that was not has no baseline. All are started at once, with every port known beforehand: Prometheus scrapes its
    targets only five seconds after its start (the fixed tick of its discovery manager), which is about the time that
    the models need, and nobody uses Envoy's port before they serve.
    """

    def __init__(self, assembly: Assembly, kind: Literal["up", "run"], folders: Folders) -> None:
        self.assembly = assembly
        self.folders = folders
        self.prometheus = self._child(assembly.prometheus)
        self.models = [self._child(model) for model in assembly.models]
        self.envoy = self._child(assembly.envoy)
        self.record = state.StackRecord(
            kind=kind,
            deployment=assembly.deployment.name,
            namespace=assembly.deployment.namespace,
            manifest=assembly.deployment.path,
            host=assembly.host,
            prometheus_url=assembly.prometheus_url,
            envoy_admin_url=assembly.envoy_admin_url,
            logs=str(folders.logs),
            boot=processes.boot_id(),
            launcher=state.launcher_record(folders.work / "launcher.log" if kind == "up" else Path("-")),
            replicas=assembly.replica_records(),
        )
        self._watches: list[asyncio.Task[None]] = []

    def _child(self, plan: Any) -> ChildProcess:
        return ChildProcess(plan, self.folders.logs / f"{plan.name}.log", self._started)

    def _started(self, child: ChildProcess, pid: int) -> None:
        self.note(state.own_record(child.plan.name, pid, child.log, child.restarts))

    def note(self, process: state.ProcessRecord) -> None:
        """Puts a started process into the state file at once, so that `down` finds it."""
        self.record = self.record.with_process(process)
        state.write(self.folders.state, self.record)

    async def start(self, restarts: int) -> float:
        """Starts all of it; returns the seconds that it took. Raises `StackError` when a part will not serve."""
        began = time.monotonic()
        self._prepare()
        everything = [self.prometheus, *self.models, self.envoy]
        for child in everything:
            await child.start()
        await together(child.until_ready() for child in everything)
        await self.prometheus.until(
            lambda: probe.unscraped(self.assembly.prometheus_url, self.assembly.targets),
            seconds=FIRST_SCRAPE_S + self.assembly.scrape_interval_s,
        )
        seconds = time.monotonic() - began
        self._watches = [asyncio.create_task(child.watch(restarts)) for child in everything]
        self.record = replace(self.record, ready_s=round(seconds, 3))
        state.write(self.folders.state, self.record)
        return seconds

    async def stop(self, *, short_deadlines: bool) -> None:
        """Ends all of it in reverse order, and removes the state file. ``short_deadlines``: after a signal."""
        at_most_s = SHORT_DEADLINE_S if short_deadlines else 60.0
        for watch in self._watches:
            watch.cancel()
        await self.envoy.stop(at_most_s)
        await together(child.stop(at_most_s) for child in reversed(self.models))
        await self.prometheus.stop(at_most_s)
        self.folders.state.unlink(missing_ok=True)
        shutil.rmtree(self.folders.database, ignore_errors=True)

    def _prepare(self) -> None:
        self.folders.work.mkdir(parents=True, exist_ok=True)
        self.folders.logs.mkdir(parents=True, exist_ok=True)
        for path, content in self.assembly.files.items():
            path.write_text(content, encoding="utf-8")
        state.write(self.folders.state, self.record)


async def together(parts: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Awaits all parts at once; the first `StackError` cancels the rest and is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(part)
    except BaseExceptionGroup as errors:
        first = errors.exceptions[0]
        raise first if isinstance(first, StackError) else errors from None
