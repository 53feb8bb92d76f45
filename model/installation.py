"""Where the project lies and where it may write: in a checkout of its repository, or installed as a package.

In a checkout the packages lie at the root, beside ``plumbline.py``, and ``make`` keeps everything there. Installed,
they lie below the package ``plumbline``, whose ``__init__.py`` is that file, and nothing is written there: the folder
may be read-only, and an upgrade removes it.

What can be made again (Prometheus, the models of the example) is in the user's cache, once for all of the user's
repositories. The record of running stacks is in the user's state folder, so that ``plumbline down`` ends a stack from
wherever it is called. Runs stay in the caller's folder. Source: the XDG Base Directory Specification, version 0.8.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
"""The folder of our packages."""
INSTALLED: Final = not (ROOT / "plumbline.py").is_file()
ENTRY: Final = ROOT / ("__init__.py" if INSTALLED else "plumbline.py")
"""The file that starts each of our processes."""


def command_in(folder: Path) -> str:
    """What a user types before a verb in the folder."""
    if INSTALLED:
        return "plumbline"
    base = "" if folder.is_dir() and ROOT.samefile(folder) else f"{ROOT}/"
    return f"{base}.venv/bin/python {base}plumbline.py"


COMMAND: Final = command_in(Path())
"""What a user types before a verb, in the working folder."""


def own_process(module: str, *words: str) -> list[str]:
    """The command that runs a module of ours, or Locust, as ``python -m`` would.

    It does not depend on the working folder: with ``-P`` nothing is imported from there, and `ENTRY` imports our
    packages before Locust puts that folder first. A user's own ``analysis/`` or ``model.py`` is never taken for ours.
    """
    return [sys.executable, "-P", str(ENTRY), "-m", module, *words]


def cache_folder() -> Path:
    """Absolute folder of what can be made again: ``.tools`` in a checkout, else ``$XDG_CACHE_HOME/plumbline``."""
    return _users("XDG_CACHE_HOME", ".cache") if INSTALLED else ROOT / ".tools"


def stacks_folder() -> Path:
    """Absolute folder of the stacks' records and logs."""
    return (_users("XDG_STATE_HOME", ".local/state") if INSTALLED else ROOT / ".tools") / "stacks"


def example_artifacts() -> Path:
    """Absolute folder of the example's models, which `model.train` writes."""
    return cache_folder() / "example" if INSTALLED else ROOT / "artifacts"


def artifacts_for(manifest: Path | None) -> Path:
    """Absolute folder of the artefacts if none is named: the example's for our manifests, else ``artifacts/`` here.

    ``manifest``: None for the default one, which is ours.
    """
    is_ours = manifest is None or manifest.resolve().is_relative_to(ROOT)
    return example_artifacts() if is_ours or not INSTALLED else Path("artifacts").absolute()


def _users(variable: str, default: str) -> Path:
    """Our folder below ``$variable``, which counts only if it is absolute, as the specification says.

    Where no home folder is known, as for a number without a user in a container, it is ``.plumbline`` here.
    """
    named = os.environ.get(variable, "")
    base = Path(named if Path(named).is_absolute() else os.path.expanduser(f"~/{default}"))  # noqa: PTH111 (no raise)
    return base / "plumbline" if base.is_absolute() else Path(".plumbline").absolute()
