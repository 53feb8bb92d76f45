"""The state file of a stack: which processes are its own, so that they can be found and ended without it.

A process is known by its number and its start time, so a number that the system has since given to another process is
left alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from deploy.local.config.replica_record import ReplicaRecord
from deploy.local.errors import StackError
from deploy.local.running import processes
from model.atomic import write_text

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One started process, the leader of a group of its own. ``started``, ``session``: see `processes.Stat`."""

    name: str
    pid: int
    started: int
    session: int
    log: str
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class StackRecord:
    """A stack. ``kind``: started by ``up``, or by ``run`` for one command. ``ready_s`` is null until it is ready."""

    kind: Literal["up", "run"]
    deployment: str
    namespace: str
    manifest: str
    host: str
    prometheus_url: str
    envoy_admin_url: str
    logs: str
    boot: str
    launcher: ProcessRecord
    replicas: tuple[ReplicaRecord, ...]
    processes: tuple[ProcessRecord, ...] = ()
    ready_s: float | None = None
    schema: int = SCHEMA

    def with_process(self, process: ProcessRecord) -> StackRecord:
        """This record with one process added, or put in place of the one of the same name."""
        by_name = {known.name: known for known in self.processes} | {process.name: process}
        return replace(self, processes=tuple(by_name.values()))


def write(path: Path, record: StackRecord) -> None:
    """Writes the state file; a reader sees the old one or the new one, never half of one."""
    write_text(path, json.dumps(asdict(record), indent=2) + "\n")


def read(path: Path) -> StackRecord:
    """The stack that a state file describes; raises `StackError` for any other file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise StackError(f"reading {path}: expected schema {SCHEMA}, got {content['schema']}. Delete the file.")
        return StackRecord(
            **content
            | {
                "launcher": ProcessRecord(**content["launcher"]),
                "replicas": tuple(ReplicaRecord(**replica) for replica in content["replicas"]),
                "processes": tuple(ProcessRecord(**process) for process in content["processes"]),
            }
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StackError(f"reading {path}: expected a stack's state, got {error!r}. Delete the file.") from error


def is_alive(record: StackRecord, process: ProcessRecord) -> bool:
    """Whether the recorded process itself runs, not another one with its number."""
    stat = processes.stat(process.pid)
    return stat is not None and stat.started == process.started and record.boot == processes.boot_id()


def survivors(record: StackRecord, process: ProcessRecord) -> list[int]:
    """Numbers of what still runs of a recorded process's group, its leader or, when that is gone, its children.

    The leader's number cannot be given away while its group lives. If it belongs to another start time, or a member
    started before it, then the group is not ours, and nothing of ours is left.
    """
    leader = processes.stat(process.pid)
    if record.boot != processes.boot_id() or (leader is not None and leader.started != process.started):
        return []
    members = processes.members(process.pid)
    ours = all(member.session == process.session and member.started >= process.started for member in members)
    return [member.pid for member in members] if ours else []


def own_record(name: str, pid: int, log: Path, restarts: int = 0) -> ProcessRecord:
    """The record of a process that was just started. One that has ended already is recorded as never started."""
    stat = processes.stat(pid)
    return ProcessRecord(name, pid, stat.started if stat else -1, stat.session if stat else -1, str(log), restarts)


def launcher_record(log: Path) -> ProcessRecord:
    """The record of this process."""
    return own_record("launcher", os.getpid(), log)
