"""The image map: which command starts the code that an image holds."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from deploy.local.errors import StackError
from deploy.manifest.schema import did_you_mean

KEYS: Final = frozenset({"command", "cwd", "env", "any_address"})
STOCK: Final = "seldon-core-microservice"
_STOCK_HERE: Final = ("python", "-P", str(Path(__file__).resolve().parents[3] / "model" / "stock.py"))
"""The same on loopback: its own address is fixed. ``-P``: the folder of that file hides no module of the user's."""


@dataclass(frozen=True, slots=True)
class StartCommand:
    """How the code of one image is started. ``cwd`` is absolute. ``env``: what the image itself would set.

    ``any_address``: whether it may listen on other addresses than those of loopback.
    """

    command: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(default_factory=dict)
    any_address: bool = False


def read(path: Path) -> dict[str, StartCommand]:
    """Start command of each image that the file names; raises `StackError` for a file that is not an image map."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"reading {path}: expected an image map, got {error.strerror}. Check the path.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StackError(f"reading {path}: expected TOML, got: {error}. Correct the file.") from error
    return {image: _entry(path, image, table) for image, table in tables.items()}


def command_of(images: dict[str, StartCommand], image: str, path: Path) -> StartCommand:
    """Start command of ``image``; raises `StackError` where the map read from ``path`` has none."""
    if image not in images:
        known = did_you_mean(image, images) if images else "It names none."
        example = f'["{image}"] and command = ["seldon-core-microservice", "MODULE.CLASS", ...]'
        raise StackError(
            f"image {image}: expected a start command in {path}, got none. {known} "
            f"Give a map of your own with --images, a TOML file that says {example}."
        )
    return images[image]


def _entry(path: Path, image: str, table: object) -> StartCommand:
    where = f'reading {path}: ["{image}"]'
    if not isinstance(table, dict):
        raise StackError(f"{where}: expected a table with command and cwd, got {table!r}. Correct the file.")
    for key in table:
        if key not in KEYS:
            raise StackError(f"{where}.{key}: no such key. {did_you_mean(key, KEYS)}")
    command: Any = table.get("command")
    if not isinstance(command, list) or not command or not all(isinstance(part, str) for part in command):
        raise StackError(f"{where}.command: expected a list of words, got {command!r}. Correct the file.")
    folder, env = table.get("cwd", "."), table.get("env", {})
    if not isinstance(folder, str) or not (cwd := (path.parent / folder).resolve()).is_dir():
        raise StackError(f"{where}.cwd: expected a folder, relative to the file, got {folder!r}. Correct the path.")
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise StackError(f"{where}.env: expected text by name, got {env!r}. Quote the values.")
    any_address = table.get("any_address", False)
    if not isinstance(any_address, bool):
        raise StackError(f"{where}.any_address: expected true or false, got {any_address!r}. Correct the file.")
    words = tuple(command)
    return StartCommand(_STOCK_HERE + words[1:] if words[0] == STOCK else words, cwd, dict(env), any_address)
