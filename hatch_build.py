"""What is in the wheel: our packages below ``plumbline/``, and nothing at the top but that.

A top-level ``analysis`` or ``model`` in site-packages would hide the user's own, and ``plumbline.py`` makes the
packages importable as they are. An editable install takes nothing from here: with ``force_include`` in pyproject.toml
it would hold copies, which grow old.
"""

from __future__ import annotations

from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGES: Final = ("analysis", "dashboards", "deploy", "locustfiles", "model")


class WheelContent(BuildHookInterface[Any]):
    """Hatchling's hook."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Name what goes where. ``version``: ``standard`` or ``editable``."""
        if version == "standard":
            build_data["force_include"]["plumbline.py"] = "plumbline/__init__.py"
            build_data["force_include"] |= {package: f"plumbline/{package}" for package in PACKAGES}
