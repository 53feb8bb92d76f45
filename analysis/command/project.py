"""Edge: what ``pyproject.toml`` of the working folder says of Plumbline. This is its only reader."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final

from analysis.judge.gates import GateError

KEYS: Final = ("gates",)
"""What a table ``tool.plumbline`` may hold."""


def gates() -> list[str]:
    """``tool.plumbline.gates`` as written; empty if there is none.

    Raises `GateError` for no list of texts, and for another key: a gate that nobody reads would seem to be kept.
    """
    table = _table()
    unknown = [key for key in table if key not in KEYS]
    if unknown:
        raise GateError(
            f"gates: expected {', '.join(KEYS)} and no other key in tool.plumbline of pyproject.toml, "
            f"got {unknown[0]!r}. Correct it or remove it."
        )
    gates = table.get("gates", [])
    if not isinstance(gates, list) or not all(isinstance(gate, str) for gate in gates):
        raise GateError(
            "gates: expected a list of texts as tool.plumbline.gates in pyproject.toml, got something else."
        )
    return gates


def _table() -> dict[str, Any]:
    """The table ``tool.plumbline``; empty if there is none. Raises `GateError` for what is no TOML, or no table."""
    try:
        content = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GateError(f"gates: expected TOML in pyproject.toml, got: {error}.") from error
    except OSError as error:
        raise GateError(f"gates: expected to read pyproject.toml, got: {error.strerror}.") from error
    table = content.get("tool", {}).get("plumbline", {})
    if not isinstance(table, dict):
        raise GateError("gates: expected a table tool.plumbline in pyproject.toml, got something else.")
    return table
