"""Mutations of JSON files: each key and each element lost, emptied, of another type, or of another value."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mutation import Mutation

LOST = object()
VALUES: dict[str, Any] = {
    "null": None,
    "false": False,
    "true": True,
    "zero": 0,
    "minus one": -1,
    "huge": 1e300,
    "infinite": float("inf"),
    "no number": float("nan"),
    "many digits": 10**400,
    "empty text": "",
    "other text": "../x\n\x1b[31m",
    "empty list": [],
    "list": [1],
    "empty object": {},
    "object": {"a": 1},
    "lost": LOST,
}


def mutations(folder: Path, names: Sequence[str]) -> Iterator[Mutation]:
    """Mutations of each named file that is in the folder."""
    for name in names:
        if not (folder / name).exists():
            continue
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        for path in _paths(content):
            old = _at(content, path)
            for change, value in (*VALUES.items(), *_of(old).items()):
                if value is LOST or type(value) is not type(old) or value != old:
                    yield Mutation(name, _place(path), change, _replace(name, path, value))


def _of(old: Any) -> dict[str, Any]:
    """Values that are near the old one."""
    if isinstance(old, bool) or old is None:
        return {}
    if isinstance(old, int | float):
        return {"one more": old + 1, "one less": old - 1, "a little more": old * 1.01, "four times": old * 4}
    if isinstance(old, str):
        return {"longer": old + "x", "shorter": old[:-1], "capitals": old.swapcase()}
    if isinstance(old, list):
        return {"one twice": old + old[-1:], "last lost": old[:-1], "reversed": old[::-1]}
    return {"one key more": {**old, "another": 1}}


def _paths(content: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value, the whole content first."""
    yield before
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield from _paths(value, (*before, key))


def _at(content: Any, path: Sequence[Any]) -> Any:
    for key in path:
        content = content[key]
    return content


def _place(path: Sequence[Any]) -> str:
    """The path without positions in lists, so that elements of one list are one place."""
    return ".".join("*" if isinstance(key, int) else str(key) for key in path) or "all"


def _replace(name: str, path: Sequence[Any], value: Any) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        if not path:
            text = "" if value is LOST else json.dumps(value)
        else:
            content = copy.deepcopy(content)
            holder = _at(content, path[:-1])
            if value is LOST:
                del holder[path[-1]]
            else:
                holder[path[-1]] = value
            text = json.dumps(content)
        (folder / name).write_text(text, encoding="utf-8")

    return apply
