"""From the end of a load to its verdict there is no time to import what the verdict does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import worlds
from alterations import BASE

HEAVY = ("pandas", "sklearn", "scipy", "statsmodels", "matplotlib", "seldon_core", "locust", "grpc")


def test_judging_imports_no_heavy_package(tmp_path: Path) -> None:
    """`judge` and `finish --interrupted` together import none of the packages that take a second each."""
    worlds.put(tmp_path, BASE)
    told = (
        "import sys; from analysis.__main__ import main; "
        f"main(['judge', {str(tmp_path)!r}]); main(['finish', '--interrupted', {str(tmp_path)!r}]); "
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
