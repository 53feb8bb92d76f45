"""Names that say something, and rooms that a newcomer can take in: held over all of our sources."""

from __future__ import annotations

import ast
import collections
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("model", "deploy", "analysis", "locustfiles", "dashboards", "bench")
VAGUE = {"one", "found", "told", "said", "asked", "every", "wanted", "spoken", "telling", "info"}
"""Words that name nothing. `STYLE` of this project: a name is the noun that the field uses for the thing."""
MOST_FILES = 16
"""Files of a folder that can still be taken in at a glance."""

ROOMS = sorted(path.parent.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("__init__.py"))
"""Folders of modules."""


def sources(*packages: str) -> list[Path]:
    return [path for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


def bound(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Each name that a source binds, with its line: variables, parameters, fields, loop variables, exceptions."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)):
                yield name, node.lineno


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_no_name_is_vague(package: str) -> None:
    """No variable, parameter or field is called `one`, `found`, `told`, `said`, `asked` or the like."""
    vague = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sources(package)
        for name, line in bound(ast.parse(path.read_text(encoding="utf-8")))
        if name in VAGUE
    ]
    assert vague == []


def test_a_vague_name_is_seen_wherever_it_is_bound() -> None:
    """The twin of the above: an assignment, a loop, a comprehension, a parameter, a field, an exception, a walrus."""
    source = (
        "one = 1\nfor found in (): pass\n[told for told in ()]\ndef f(said, *, asked=0): ...\n"
        "class C:\n    every: int\ntry: ...\nexcept E as wanted: ...\nif (info := 1): ...\n"
    )
    assert {name for name, _ in bound(ast.parse(source))} >= VAGUE - {"spoken", "telling"}


def test_no_two_classes_have_one_name() -> None:
    """A name stands for one thing in `analysis` and `locustfiles`."""
    places: dict[str, list[str]] = collections.defaultdict(list)
    for path in sources("analysis", "locustfiles"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in places.items() if len(paths) > 1} == {}


def test_no_folder_is_crowded() -> None:
    """At most 16 modules beside ``__init__.py``."""
    number = collections.Counter(path.parent for path in sources(*PACKAGES) if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): files for folder, files in number.items() if files > MOST_FILES} == {}


@pytest.mark.parametrize("room", ROOMS, ids=str)
def test_the_map_of_a_room_names_its_files(room: Path) -> None:
    """The docstring of ``__init__.py`` has each module and each sub-folder, and no other."""
    folder = ROOT / room
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    modules = {path.stem for path in folder.glob("*.py") if path.name != "__init__.py"}
    rooms = {path.parent.name for path in folder.glob("*/__init__.py")}
    listed = re.findall(r"^ *(\w+)  +\S", text, re.MULTILINE)
    assert sorted(listed) == sorted(modules | rooms)
