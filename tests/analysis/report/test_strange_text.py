"""Control characters of an answer's tags reach neither the terminal nor a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import worlds
from alterations import ALONE
from analysis.__main__ import main
from model.contract import TAG_ARTIFACT, TAG_DIGEST


def test_an_answers_tags_steer_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An answer that names another artefact, in a text that would clear a terminal and set its title."""
    tags = {TAG_ARTIFACT: "\x1b[2J\x1b]0;mine\x07\u202eevil", TAG_DIGEST: "e" * 64}
    worlds.put(tmp_path, replace(ALONE, tags=(tags,)))
    for step in ("judge", "report"):
        with pytest.raises(SystemExit):
            raise SystemExit(main([step, str(tmp_path)]))
    shown = "".join(capsys.readouterr())
    texts = [shown, *((tmp_path / name).read_text("utf-8") for name in ("report.html", "report.md", "junit.xml"))]
    for text in texts:
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "x1b" in texts[0]
    assert "x1b" in texts[1]
