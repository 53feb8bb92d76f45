"""The image's files: linted, and its versions are those that the lock tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "deploy" / "image"
HADOLINT = shutil.which("hadolint", path=str(ROOT / ".venv" / "bin")) or "hadolint"


def hadolint(text: str) -> int:
    return subprocess.run([HADOLINT, "-"], input=text, text=True, capture_output=True, check=False).returncode


def pins(path: Path) -> dict[str, str]:
    """Version by package of every ``name==version`` line."""
    pins = re.findall(r"^([\w.-]+)==([\w.+!]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(pins)


def test_the_containerfile_is_clean() -> None:
    """Hadolint has nothing to say, and does have something to say of a bad line added to it."""
    text = (IMAGE / "Containerfile").read_text(encoding="utf-8")
    assert hadolint(text) == 0
    assert hadolint(text + "\nRUN cd /tmp\n") != 0


def test_the_image_runs_the_versions_that_are_tested() -> None:
    """Each pin of the image is the lock's."""
    lock = pins(ROOT / "requirements.lock")
    image = pins(IMAGE / "requirements.txt")
    assert image
    assert {name: lock[name] for name in image} == image


def test_everything_that_the_served_model_imports_is_pinned() -> None:
    """Each package that a module of model/ imports at its top, training and files of rows aside, has a pin.

    So has pandas, which an estimator needs that was fitted on a DataFrame.
    """
    names = {"grpc": "seldon-core", "seldon_core": "seldon-core", "sklearn": "scikit-learn"}
    names |= {"prometheus_client": "prometheus-client", "google": "seldon-core", "grpc_opentracing": "seldon-core"}
    elsewhere = {"train", "dataset", "table_file", "answers_file"}
    served = [
        path for path in (ROOT / "model").rglob("*.py") if path.stem not in elsewhere and path.parent.name != "card"
    ]
    imported = {
        module.split(".")[0]
        for path in served
        for module in re.findall(r"^(?:from|import) ([\w.]+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    foreign = imported - set(sys.stdlib_module_names) - {"model"}
    assert "numpy" in foreign
    assert {names.get(name, name) for name in foreign | {"pandas"}} <= pins(IMAGE / "requirements.txt").keys()


def test_the_image_keeps_connections_for_as_long_as_the_local_stack_does() -> None:
    """What `images.toml` sets as the image's own environment is in the image."""
    images = tomllib.loads((ROOT / "deploy" / "local" / "images.toml").read_text(encoding="utf-8"))
    text = (IMAGE / "Containerfile").read_text(encoding="utf-8")
    environment = images["metrics_model:0.1"]["env"]
    assert environment
    for name, value in environment.items():
        assert f"{name}={value} " in text


def test_signals_reach_the_whole_group() -> None:
    """The entry point is ``tini -g``, around our server."""
    assert 'ENTRYPOINT ["tini", "-g", "--", "python", "-m", "model.server"]' in (IMAGE / "Containerfile").read_text()


def test_everything_that_the_image_copies_is_there() -> None:
    """Each source of a COPY exists, the trained files excepted, which `make train` writes."""
    copied = re.findall(r"^COPY (.+) \S+$", (IMAGE / "Containerfile").read_text(), flags=re.MULTILINE)
    sources = [s for line in copied for s in line.split() if not s.startswith("artifacts/")]
    assert sources
    assert [s for s in sources if not (ROOT / s).exists()] == []
