"""Between the end of a load and its verdict, packages that the verdict does not need must not be imported."""

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
    script = (
        "import sys; from analysis.__main__ import main; "
        f"main(['judge', {str(tmp_path)!r}]); main(['finish', '--interrupted', {str(tmp_path)!r}]); "
        f"print('heavy:', [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"


def test_judging_alone_imports_nothing_that_asks_or_draws(tmp_path: Path) -> None:
    """`judge` queries no server and renders no page. `finish` does both, which shows that this test can fail."""
    worlds.put(tmp_path, BASE)
    modules = {step: loaded(step, tmp_path) for step in ("['judge', {}]", "['finish', '--interrupted', {}]")}
    assert list(modules.values()) == ["[]", "['requests', 'jinja2', 'prometheus_client']"]


def loaded(step: str, folder: Path) -> str:
    """Which of the packages for asking and drawing a step imports, as printed."""
    script = (
        f"import sys; from analysis.__main__ import main; main({step.format(repr(str(folder)))}); "
        "print([name for name in ('requests', 'jinja2', 'prometheus_client') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]
