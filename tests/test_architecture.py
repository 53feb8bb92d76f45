"""The arrows of the house: which package may import which, and what must not be imported at all."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("model", "analysis", "locustfiles", "deploy")

ARROWS: dict[str, set[str]] = {
    "model": set(),
    "deploy": {"model.contract"},
    "analysis": {"model.contract", "model.dataset", "model.artifact"},
    "locustfiles": {
        "analysis.capacity",
        "analysis.command.project",
        "analysis.evidence.gateway",
        "analysis.evidence.queries",
        "analysis.judge.gates",
        "analysis.record",
        "deploy.manifest",
        "model.contract",
        "model.dataset",
        "model.artifact",
    },
}
"""What each package may import of the others. ``deploy.manifest`` is the pure reader of a SeldonDeployment."""

EDGES = ("analysis.collect", "analysis.command", "requests", "prometheus_api_client", "socket", "urllib.request")
"""What asks somebody: rooms of ``analysis`` that are edges, and the packages that they ask with."""


def imports_of(path: Path) -> set[str]:
    """Dotted names that one source file imports, absolute ones only, including those inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names if node.module in PACKAGES}
    return found


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def forbidden(package: str, names: set[str]) -> set[str]:
    """Those of ``names`` that ``package`` may not import: another package of ours without an arrow to it."""
    foreign = {name for name in names if name.split(".")[0] in PACKAGES and name.split(".")[0] != package}
    allowed = ARROWS[package]
    return {
        name
        for name in foreign
        if not any(name == a or name.startswith(f"{a}.") or a.startswith(f"{name}.") for a in allowed)
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_imports_only_what_an_arrow_allows(package: str) -> None:
    """No source file of a package imports a module of ours to which `ARROWS` draws no arrow."""
    wrong = {path.relative_to(ROOT): bad for path in sources(package) if (bad := forbidden(package, imports_of(path)))}
    assert wrong == {}


def test_an_import_against_the_arrows_is_seen() -> None:
    """The twin of the above: the check fails on an import that no arrow allows."""
    assert forbidden("model", {"analysis.record"}) == {"analysis.record"}
    assert forbidden("deploy", {"model.train"}) == {"model.train"}
    assert forbidden("locustfiles", {"analysis.result", "analysis.record"}) == {"analysis.result"}


@pytest.mark.parametrize("package", ["analysis", "locustfiles", "deploy"])
def test_seldon_core_is_imported_under_model_only(package: str) -> None:
    """seldon-core is under another licence than ours, so nothing outside ``model/`` imports it."""
    assert [path for path in sources(package) if any(n.split(".")[0] == "seldon_core" for n in imports_of(path))] == []


def test_pure_rooms_of_analysis_import_no_edge() -> None:
    """A room of ``analysis`` that is not itself an edge imports none, so the judge needs no server and no model."""
    edges = {"analysis/collect", "analysis/command", "analysis"}
    wrong = {
        path.name: bad
        for path in sources("analysis")
        if str(path.relative_to(ROOT).parent) not in edges
        and (bad := {n for n in imports_of(path) if any(n == e or n.startswith(f"{e}.") for e in EDGES)})
    }
    assert wrong == {}
