"""Two runs that were recorded, one PASS and one FAIL, are judged and reported as they were then, byte for byte.

A run folder outlives the version that wrote it. A change that alters these files on purpose writes them anew:
``python -m analysis judge tests/analysis/recorded/pass`` and ``report``, and says so in the changelog. The page
is left out: it holds the style sheet and the script, which change without a word of the report changing.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analysis.__main__ import main

RECORDED = Path(__file__).parents[1] / "recorded"
WRITTEN = ("result.json", "report.md", "junit.xml")
PAGE = "report.html"


@pytest.mark.parametrize(("name", "code"), [("pass", 0), ("fail", 3)])
def test_a_recorded_run_is_judged_as_it_was_then(name: str, code: int, tmp_path: Path) -> None:
    """Neither the folder's place nor the version of the code matters."""
    folder = tmp_path / "moved"
    shutil.copytree(RECORDED / name, folder, ignore=shutil.ignore_patterns(*WRITTEN, PAGE))
    assert main(["judge", str(folder)]) == code
    assert main(["report", str(folder)]) == 0
    for file in WRITTEN:
        assert (folder / file).read_bytes() == (RECORDED / name / file).read_bytes(), file
