"""The folder of locustfiles: given to Locust as a whole, and what its sub-folders may be called."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from locustfiles.load.options import ROOT

FOLDER = ROOT / "locustfiles"


@pytest.mark.parametrize("given", [str(FOLDER), f"{FOLDER}/"])
def test_the_folder_is_refused_in_one_line(given: str, locust: Callable[..., Any]) -> None:
    """Locust imports each file of a folder, also in sub-folders: one line and no traceback, from any working folder."""
    code, out, err = locust("-f", given, "--headless", "-t", "1s").end()
    assert code == 2
    assert [line for line in (out + err).splitlines() if line] == [
        "reading the locustfiles: expected one, single.py or shadow.py, got both. Give one with -f."
    ]


def test_the_locustfiles_come_before_the_files_of_sub_folders() -> None:
    """Locust walks the folder from the top, so both locustfiles are refused before any other file is imported."""
    _, _, files = next(os.walk(FOLDER))
    assert {name for name in files if name.endswith(".py") and not name.startswith("_")} == {"single.py", "shadow.py"}


def test_no_folder_hides_a_package() -> None:
    """Locust puts the locustfile's folder first on the path while it imports it: a folder ``http`` would be `http`."""
    names = {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("_")}
    installed = [entry for entry in sys.path if "site-packages" in entry]
    hidden = {name for name in names if importlib.machinery.PathFinder.find_spec(name, installed) is not None}
    assert hidden | (names & set(sys.stdlib_module_names)) == set()


@pytest.mark.stack
def test_a_load_that_is_not_judged_says_so(locust: Callable[..., Any], counting: Callable[..., Any]) -> None:
    """``--no-judge``: the load is recorded, there is no baseline, and the exit code is not that of a PASS."""
    server = counting()
    running = locust(
        *("-f", str(FOLDER / "single.py"), "--host", server.url, "--prometheus-url", "http://127.0.0.1:1"),
        *("--headless", "-u", "2", "-r", "100", "-t", "1s", "--only-summary", "--no-judge"),
        environment={"FAKE_BASELINE": "the baseline was taken", "FAKE_FINISH": "3"},
    )
    code, out, err = running.end()
    (run,) = (running.folder / "runs").glob("2*")
    assert code == 4, err
    assert out.splitlines()[-2:] == [
        f"INCONCLUSIVE: recorded and not judged, as --no-judge asks: {run}",
        "  exit code 4",
    ]
    assert "PASS" not in out + err
    assert (run / "ledger.arrow").exists()
    assert not (run / "baseline.json").exists()
