"""Edge: what ``pyproject.toml`` of the working folder says of Plumbline."""

from __future__ import annotations

import tomllib
from pathlib import Path

from analysis.judge.gates import GateError


def gates() -> list[str]:
    """``tool.plumbline.gates`` as written; empty if there is none. Raises `GateError` for no list of texts."""
    try:
        content = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except tomllib.TOMLDecodeError as error:
        raise GateError(f"gates: expected TOML in pyproject.toml, got: {error}.") from error
    gates = content.get("tool", {}).get("plumbline", {}).get("gates", [])
    if not isinstance(gates, list) or not all(isinstance(gate, str) for gate in gates):
        raise GateError(
            "gates: expected a list of texts as tool.plumbline.gates in pyproject.toml, got something else."
        )
    return gates
