"""Runs a stack to its end: for one command, or until a signal."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from deploy.local.config import binaries
from deploy.local.config.assembly import Assembly, Folders, Options, Programs, assemble
from deploy.local.config.ports import Ports
from deploy.local.running import command, state
from deploy.local.running.child_process import print_line
from deploy.local.running.stack import Stack
from deploy.manifest import deployment as manifest


def launch(
    path: Path,
    namespace: str | None,
    options: Options,
    folders: Folders,
    kind: Literal["up", "run"],
    words: Sequence[str] = (),
) -> int:
    """Exit code of the command ``words``, run inside the stack of a manifest; without a command 0, after a signal.

    Raises `ManifestError` or `StackError`, with everything stopped, when the stack does not come up.
    """
    deployment = replace(manifest.read(path, namespace), path=str(path.resolve()))
    manifest.require_runnable(deployment)
    programs = Programs(binaries.envoy(), binaries.prometheus(os.environ))
    with Ports() as ports:
        assembly = assemble(deployment, options, programs, ports, folders, os.environ)
        for remark in deployment.remarks:
            print_line(remark)
        for setting in deployment.cluster_settings:
            print_line(f"{setting} (on a cluster; the local stack leaves it out)")
        return asyncio.run(_live(assembly, options, folders, kind, words))


async def _live(
    assembly: Assembly, options: Options, folders: Folders, kind: Literal["up", "run"], words: Sequence[str]
) -> int:
    interrupted = command.Interrupted()
    interrupted.listen()
    stack = Stack(assembly, kind, folders)
    try:
        starting = asyncio.create_task(stack.start(options.restarts))
        signalled = asyncio.create_task(interrupted.wait())
        await asyncio.wait([starting, signalled], return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
            return 128 + (interrupted.number or 0)
        signalled.cancel()
        print_line(f"stack ready in {await starting:.1f} s: {assembly.host} and {assembly.prometheus_url}")
        if not words:
            await interrupted.wait()
            return 0
        return await command.run(words, environment(assembly, folders, os.environ), interrupted, _recorder(stack))
    finally:
        await stack.stop(short_deadlines=interrupted.number is not None)


def _recorder(stack: Stack) -> Callable[[int], None]:
    return lambda pid: stack.note(state.own_record("command", pid, Path("-")))


def environment(assembly: Assembly, folders: Folders, inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables that a command inside the stack gets."""
    return dict(inherited) | {
        "PATH": binaries.path_with_environment(inherited),
        "HOST": assembly.host,
        "PROMETHEUS_URL": assembly.prometheus_url,
        "SDEP": assembly.deployment.path,
        "NAMESPACE": assembly.deployment.namespace,
        "ENVOY_ADMIN_URL": assembly.envoy_admin_url,
        "PLUMBLINE_STACK": str(folders.state),
    }
