"""The jobs for GitHub and GitLab: they call the command as it is, and what they show keeps within the limits."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from locustfiles.command.parser import parser
from model.installation import ROOT

CI = ROOT / "deploy" / "ci"
SUMMARY_BYTES = 1024 * 1024
"""Of a step's summary on GitHub; a longer one is not shown at all."""


def steps_of(name: str) -> list[dict[str, Any]]:
    """The steps of the job for GitHub, or the commands of that for GitLab as such."""
    content = yaml.safe_load((CI / name).read_text(encoding="utf-8"))["plumbline" if "gitlab" in name else "jobs"]
    if "gitlab" in name:
        return [{"run": command} for command in (*content["before_script"], *content["script"])]
    return list(content["plumbline"]["steps"])


@pytest.mark.parametrize("name", ["github.yaml", "gitlab.yaml"])
def test_the_load_test_has_options_that_exist(name: str) -> None:
    """And it leaves its run where the rest of the job looks for it."""
    (command,) = [step["run"] for step in steps_of(name) if step.get("run", "").startswith("plumbline loadtest")]
    parsed = parser().parse_args(shlex.split(command)[2:])
    assert (parsed.run, parsed.gate) == ("plumbline-run", ["recall>=0.9"])
    assert "plumbline-run/junit.xml" in (CI / name).read_text() or "plumbline-run/report.md" in (CI / name).read_text()


@pytest.mark.parametrize("name", ["pass", "fail", None])
def test_the_summary_and_the_annotations_keep_within_the_limits(tmp_path: Path, name: str | None) -> None:
    """The step of the job, run by its shell on a recorded run, and where the load test left nothing."""
    if name:
        shutil.copytree(ROOT / "tests" / "analysis" / "recorded" / name, tmp_path / "plumbline-run")
    (script,) = [step["run"] for step in steps_of("github.yaml") if step.get("name") == "Summary and annotations"]
    program = tmp_path / "bin" / "plumbline"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P {ROOT / "plumbline.py"} "$@"\n')
    program.chmod(0o755)
    summary = tmp_path / "summary.md"
    summary.touch()
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"GITHUB_STEP_SUMMARY": str(summary), "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    kind = {"pass": "::notice", "fail": "::error", None: ""}[name]
    assert len(lines) <= 10
    assert bool(lines) == bool(name)
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in lines)
    assert not lines or lines[0].startswith(kind)
    assert len(summary.read_bytes()) < SUMMARY_BYTES
    assert bool(summary.read_text()) == bool(name)
