"""Bad input at the front door: one line that says what was expected and found, exit code 2, nothing started."""

from __future__ import annotations

import hashlib
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import joblib
import pandas as pd
import pytest

from tests.running import ROOT, Ended, LoadTest, call

ARTIFACTS = ROOT / "artifacts"
SINGLE = ROOT / "deploy" / "seldon" / "metrics-model.yaml"
PERCEPTRON = "binary-percept.joblib"


def assert_refused(run: Ended, *words: str) -> None:
    """Exit code 2, one line on standard error which holds all the words, and no run folder."""
    assert run.code == 2, str(run)
    lines = run.err.strip().splitlines()
    assert len(lines) == 1, str(run)
    assert [word for word in words if word not in lines[0]] == [], lines[0]
    assert not (run.folder / "run.json").exists()
    assert not list(run.folder.glob("logs/*"))


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A copy of the artefacts, to be spoiled."""
    return Path(shutil.copytree(ARTIFACTS, tmp_path / "artifacts"))


def manifest_with(tmp_path: Path, old: str, new: str) -> str:
    """A copy of the single deployment's manifest with one text replaced."""
    text = SINGLE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "sdep.yaml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_a_manifest_that_is_not_there(loadtest: LoadTest) -> None:
    """The line names the path."""
    assert_refused(loadtest("--sdep", "no/such.yaml"), "no/such.yaml")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("a: [1, 2", "YAML"),
        ("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n", "SeldonDeployment"),
        ("just text", "mapping"),
        ("", "SeldonDeployment"),
    ],
    ids=["broken", "another-kind", "text", "empty"],
)
def test_yaml_that_is_no_seldondeployment(text: str, word: str, tmp_path: Path, loadtest: LoadTest) -> None:
    """The line says what was expected in place of what the file holds."""
    path = tmp_path / "other.yaml"
    path.write_text(text, encoding="utf-8")
    assert_refused(loadtest("--sdep", str(path)), "other.yaml", word)


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("type: MODEL\n", "type: MODEL\n      children: [{name: other, type: MODEL}]\n", "children"),
        ("type: MODEL\n", "type: MODEL\n      modelUri: gs://bucket/model\n", "modelUri"),
        ("type: MODEL\n", "implementation: SKLEARN_SERVER\n", "implementation"),
        ("replicas: 1", "replicaz: 1", "replicaz"),
    ],
    ids=["two-nodes", "model-uri", "prepackaged", "mistyped"],
)
def test_a_graph_that_cannot_be_run_names_its_field(
    old: str, new: str, field: str, tmp_path: Path, loadtest: LoadTest
) -> None:
    """The line names the field of the manifest that the local stack cannot run."""
    assert_refused(loadtest("--sdep", manifest_with(tmp_path, old, new)), field)


def test_an_artefact_that_is_not_there(artifacts: Path, loadtest: LoadTest) -> None:
    """The line names the file."""
    (artifacts / PERCEPTRON).unlink()
    assert_refused(loadtest("--artifacts", str(artifacts)), PERCEPTRON)


def test_an_artefact_of_another_digest(artifacts: Path, loadtest: LoadTest) -> None:
    """A file with one byte more than its card knows is not loaded."""
    path = artifacts / PERCEPTRON
    path.write_bytes(path.read_bytes() + b"x")
    assert_refused(loadtest("--artifacts", str(artifacts)), PERCEPTRON, "SHA-256")


def test_an_artefact_that_is_no_model(artifacts: Path, loadtest: LoadTest) -> None:
    """A file that matches its card and holds no classifier is refused too."""
    path = artifacts / PERCEPTRON
    joblib.dump({"not": "a model"}, path)
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    card["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card), encoding="utf-8")
    assert_refused(loadtest("--artifacts", str(artifacts)), PERCEPTRON)


@pytest.mark.parametrize("spoil", ["column", "nan", "class", "rows"])
def test_held_out_rows_that_cannot_be_used(spoil: str, artifacts: Path, loadtest: LoadTest) -> None:
    """A missing column, a NaN, an unknown class, no rows: each is named."""
    path = artifacts / "heldout.parquet"
    rows = pd.read_parquet(path)
    if spoil == "column":
        rows = rows.drop(columns=["mean radius"])
    elif spoil == "nan":
        rows.loc[3, "mean radius"] = float("nan")
    elif spoil == "class":
        rows.loc[3, "truth"] = 7
    else:
        rows = rows.iloc[:0]
    rows.to_parquet(path)
    words = {"column": ("mean radius",), "nan": ("mean radius", "nan"), "class": ("7",), "rows": ("no rows",)}[spoil]
    assert_refused(loadtest("--artifacts", str(artifacts)), "heldout.parquet", *words)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("--duration", "soon"),
        ("--duration", "0s"),
        ("--users", "0"),
        ("--users", "many"),
        ("--rate", "-1"),
        ("--rate", "nan"),
        ("--feedback-ratio", "1.5"),
        ("--processes", "0"),
        ("--no-such-option", "1"),
    ],
)
def test_an_option_that_cannot_be(flag: str, value: str, loadtest: LoadTest) -> None:
    """The line names the option."""
    assert_refused(loadtest(flag, value), flag)


def test_a_host_without_a_prometheus(loadtest: LoadTest) -> None:
    """An existing deployment needs both; the line names the one that is missing."""
    assert_refused(loadtest("--host", "http://127.0.0.1:1"), "--prometheus-url")


def test_a_host_that_does_not_answer(loadtest: LoadTest) -> None:
    """Port 1 of loopback refuses: the line names the URL and what came."""
    options = ("--host", "http://127.0.0.1:1", "--prometheus-url", "http://127.0.0.1:1")
    assert_refused(loadtest(*options), "http://127.0.0.1:1", "refused")


class _Html(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<html>It works!</html>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing: the test looks at the client."""


class _Json(_Html):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")


@pytest.fixture
def page() -> Iterator[str]:
    """URL of a server that answers everything with a page."""
    yield from _served(_Html)


@pytest.fixture
def seldon() -> Iterator[str]:
    """URL of a server that answers a health check as Seldon does."""
    yield from _served(_Json)


def _served(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_host_that_answers_html(page: str, loadtest: LoadTest) -> None:
    """A web server at HOST is not Seldon."""
    assert_refused(loadtest("--host", page, "--prometheus-url", page), page, "JSON")


@pytest.mark.parametrize("prometheus", ["page", "nobody"])
def test_a_prometheus_that_is_none(prometheus: str, page: str, seldon: str, loadtest: LoadTest) -> None:
    """With a host that answers, a Prometheus that answers HTML, or not at all, stops the run before any load."""
    url = page if prometheus == "page" else "http://127.0.0.1:1"
    run = loadtest("--host", seldon, "--prometheus-url", url)
    assert run.code == 2, str(run)
    assert len(run.err.strip().splitlines()) == 1, str(run)
    assert url in run.err
    assert "Prometheus" in run.err
    assert not (run.folder / "ledger.arrow").exists()


def test_a_run_folder_that_holds_a_run(tmp_path: Path, loadtest: LoadTest) -> None:
    """An earlier run is not written over."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}", encoding="utf-8")
    run = loadtest()
    assert run.code == 2
    assert "holds a run" in run.err
    assert (tmp_path / "run" / "run.json").read_text(encoding="utf-8") == "{}"


@pytest.mark.parametrize("step", ["baseline", "collect", "judge", "report", "finish"])
def test_a_run_folder_that_is_none(step: str, tmp_path: Path) -> None:
    """Each step of the judge says in one line that the folder is no run."""
    run = call("-m", "analysis", step, str(tmp_path), folder=tmp_path)
    assert_refused(run, str(tmp_path))


def test_an_image_map_that_is_not_there(loadtest: LoadTest) -> None:
    """The line names the file."""
    assert_refused(loadtest("--images", "no/images.toml"), "no/images.toml")


@pytest.mark.parametrize(
    "command",
    [
        ("locustfiles", "--bogus"),
        ("analysis", "judge", "--bogus"),
        ("analysis", "no-such-step"),
        ("analysis",),
        ("deploy.local", "run"),
        ("deploy.local", "up", "--bogus", str(SINGLE)),
        ("deploy.local", "run", str(SINGLE), "--", "no-such-program"),
        ("deploy.local", "up", "no/such.yaml"),
        ("deploy.local", "up", str(SINGLE), "--images", "no/images.toml"),
        ("model.train", "--bogus"),
    ],
    ids=" ".join,
)
def test_every_command_refuses_in_one_line(command: tuple[str, ...], tmp_path: Path) -> None:
    """No usage text and no traceback for a user's slip: one line, exit code 2."""
    run = call("-m", *command, folder=tmp_path)
    assert_refused(run, "plumbline: ")
