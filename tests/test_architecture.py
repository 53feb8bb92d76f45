"""The arrows of the house: which room may import which, and what must not be imported at all.

A room is a folder of modules. A module directly in a package stands for itself (`analysis.verdict`). The table has a
line for each room and each such module, or several. What is on the right may be imported, the room itself always.
A name that begins with a dot is of the same package.
"""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("model", "deploy", "analysis", "locustfiles", "dashboards")

TABLE = """
model.contract          :
model.atomic            :
model.command_line      :
model.printable         :
model.linear            :
model.rows              :
model.stock             :
model.installation      :
model.artifact_name     : .installation
model.artifact          : .artifact_name .rows
model.threshold         : .artifact_name .artifact
model.estimator         : .artifact_name .artifact .linear .rows .threshold
model.dataset           : .artifact_name .rows
model.metrics           : .contract
model.MetricsModel      : .contract .artifact .artifact_name .metrics .estimator .rows
model.own_files         : .atomic
model.card              : .artifact .artifact_name .command_line .dataset .estimator .own_files .printable .rows
model.card              : .installation .threshold
model.train             : .contract .command_line .artifact .artifact_name .dataset .own_files .installation
model.server            : .artifact_name .metrics
dashboards.build        : model.contract model.command_line
deploy.bootstrap        :
deploy.manifest         :
deploy.local.errors     :
deploy.local.config     : .local.errors .manifest .bootstrap model.installation
deploy.local.running    : .local.errors .local.config model.atomic model.printable
deploy.local.launch     : .local.config .local.running .manifest
deploy.local.__main__   : .local.launch .local.config .local.running .local.errors .manifest model.command_line
deploy.local.__main__   : model.printable model.artifact_name model.installation model.train
analysis.diagnoses      :
analysis.access         :
analysis.verdict        : .diagnoses
analysis.record         : model.atomic model.installation
analysis.stats          : .record model.contract
analysis.claims         : .record model.contract model.rows
analysis.evidence       : .claims .record .stats .verdict .diagnoses model.contract model.atomic model.rows
analysis.evidence       : model.threshold
analysis.judge          : .claims .evidence .record .stats .verdict .diagnoses model.contract
analysis.result         : .claims .judge .evidence .record .stats .verdict model.contract model.atomic
analysis.result         : model.installation
analysis.report         : .result .judge .record .stats .verdict model.contract model.atomic model.printable
analysis.report         : model.installation
analysis.capacity       : .report .judge .stats .diagnoses model.contract
analysis.notebook       : .evidence .record .result model.contract
analysis.collect        : .claims .evidence .record model.contract model.artifact model.artifact_name model.dataset
analysis.collect        : model.atomic model.installation .access model.estimator model.rows model.threshold
analysis.command        : .claims .collect .report .result .judge .evidence .record .verdict model.atomic
analysis.command        : model.command_line model.printable model.installation .access
analysis.__main__       : .command model.command_line .access
locustfiles.http1       : analysis.record analysis.access
locustfiles.load        : model.installation deploy.manifest model.artifact model.artifact_name model.rows
locustfiles.protocol    : .http1 .load analysis.record model.dataset model.printable analysis.access model.rows
locustfiles.drive       : .protocol .load analysis.record model.dataset model.contract model.rows
locustfiles.calibration : .drive .load model.atomic model.installation model.rows
locustfiles.run         : analysis.claims .calibration .drive .protocol .http1 .load analysis.record deploy.manifest
locustfiles.run         : model.artifact model.artifact_name model.dataset model.command_line model.printable
locustfiles.run         : model.installation analysis.access model.rows model.threshold
locustfiles.command     : .run .load analysis.record deploy.manifest model.command_line model.artifact_name
locustfiles.command     : analysis.judge analysis.command model.atomic model.installation model.train model.estimator
locustfiles.capacity    : .command .run .load analysis.capacity analysis.judge analysis.evidence analysis.collect
locustfiles.capacity    : analysis.claims analysis.command analysis.result analysis.record model.atomic
locustfiles.capacity    : model.artifact_name model.command_line model.printable model.installation analysis.access
locustfiles.doctor      : .command .run .protocol .http1 .load analysis.access analysis.claims analysis.collect
locustfiles.doctor      : analysis.evidence analysis.record analysis.verdict deploy.manifest model.command_line
locustfiles.doctor      : model.contract model.installation model.printable
locustfiles.__main__    : .command .calibration .run .load analysis.record model.artifact_name model.command_line
locustfiles.__main__    : model.printable
locustfiles.single      : .run
locustfiles.shadow      : .run
"""

EDGES = ("analysis.collect", "analysis.command")
"""Rooms of ``analysis`` that query servers, or import those that do."""
EDGE_PACKAGES = ("requests", "prometheus_api_client", "socket", "urllib", "http")
"""What a server is queried with."""


def arrows() -> dict[str, set[str]]:
    """The table: for each room, the rooms that it may import."""
    rooms: dict[str, set[str]] = {}
    for line in TABLE.strip().splitlines():
        room, _, allowed = line.partition(":")
        package = room.split(".")[0]
        names = {package + name if name.startswith(".") else name for name in allowed.split()}
        rooms.setdefault(room.strip(), set()).update(names)
    return rooms


def imports_of(path: Path) -> set[str]:
    """Dotted names that one source file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def sources(package: str) -> list[Path]:
    """The modules of a package that have any code."""
    return [path for path in sorted((ROOT / package).rglob("*.py")) if path.name != "__init__.py"]


def room_of(name: str, rooms: Iterable[str]) -> str | None:
    """The room that a dotted name lies in: the longest that begins it; None outside of the house."""
    fitting = [room for room in rooms if name == room or name.startswith(f"{room}.")]
    return max(fitting, key=len, default=None)


def arrow_errors(module: str, names: Iterable[str], rooms: Mapping[str, set[str]]) -> set[str]:
    """Those of the imported ``names`` that the table does not allow ``module``; the module itself without a room."""
    room = room_of(module, rooms)
    if room is None:
        return {module}
    ours = {name for name in names if name.split(".")[0] in PACKAGES}
    return {name for name in ours if room_of(name, rooms) not in {room, *rooms[room]}}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_room_imports_only_what_the_table_allows(package: str) -> None:
    """No source file imports a module of ours to which the table draws no arrow, and each lies in a room of it."""
    wrong = {
        str(path.relative_to(ROOT)): errors
        for path in sources(package)
        if (errors := arrow_errors(module_of(path), imports_of(path), arrows()))
    }
    assert wrong == {}


def test_an_import_against_the_arrows_is_seen() -> None:
    """The twin of the above: the check fails on an import that no arrow allows, and on a module without a room."""
    rooms = arrows()
    assert arrow_errors("model.train", {"analysis.record.ledger"}, rooms) == {"analysis.record.ledger"}
    assert arrow_errors("analysis.evidence.tally", {"analysis.judge.gates.parse"}, rooms) == {
        "analysis.judge.gates.parse"
    }
    assert arrow_errors("locustfiles.drive.driver", {"locustfiles.run.setup"}, rooms) == {"locustfiles.run.setup"}
    assert arrow_errors("analysis.nowhere.module", set(), rooms) == {"analysis.nowhere.module"}


def test_the_arrows_run_one_way() -> None:
    """No room imports one that imports it, over however many others; and the table names no room that is not there."""
    rooms = arrows()
    order = list(graphlib.TopologicalSorter(rooms).static_order())
    assert set(order) == set(rooms)
    assert [room for room in rooms if not list(ROOT.glob(room.replace(".", "/") + "*"))] == []


@pytest.mark.parametrize("room", arrows())
def test_each_arrow_is_used(room: str) -> None:
    """The table allows no more than there is."""
    paths = [path for path in sources(room.split(".", maxsplit=1)[0]) if room_of(module_of(path), arrows()) == room]
    used = {room_of(name, arrows()) for path in paths for name in imports_of(path)}
    assert arrows()[room] - used == set()


@pytest.mark.parametrize("package", ["analysis", "locustfiles", "deploy"])
def test_seldon_core_is_imported_under_model_only(package: str) -> None:
    """seldon-core is under another licence than ours, so nothing outside ``model/`` imports it."""
    assert [path for path in sources(package) if any(n.split(".")[0] == "seldon_core" for n in imports_of(path))] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_processes_of_ours_are_started_in_one_way(package: str) -> None:
    """Not as ``python -m``, which takes a package of the working folder for ours."""
    allowed = {"model/installation.py", "deploy/bootstrap/environment.py"}  # the second starts pip
    wrong = [path for path in sources(package) if re.search(r'sys\.executable,[^\]]*"-m"', path.read_text())]
    assert {str(path.relative_to(ROOT)) for path in wrong} <= allowed
    assert re.search(r'sys\.executable,[^\]]*"-m"', (ROOT / "model" / "installation.py").read_text())


def test_pure_rooms_of_analysis_query_nobody() -> None:
    """Apart from the edges, nothing in ``analysis`` imports a network package: the judge needs no server."""
    pure = [path for path in sources("analysis") if not module_of(path).startswith(EDGES)]
    wrong = {
        str(path.relative_to(ROOT)): names
        for path in pure
        if (names := {name for name in imports_of(path) if name.split(".")[0] in EDGE_PACKAGES})
    }
    assert wrong == {}
    assert any(imports_of(path) & {"requests"} for path in sources("analysis"))
