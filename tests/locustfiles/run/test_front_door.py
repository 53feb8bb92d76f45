"""`python -m locustfiles`: bad input is one line and exit code 2 before anything starts; good input becomes the run."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, NoReturn, cast, get_args
from unittest import mock

import joblib
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from analysis.command.judge_step import EXIT_CODE
from analysis.record import runfolder
from analysis.record.ledger_file import read_ledger
from analysis.report.view import command_to_repeat
from deploy.local.__main__ import parser as launcher_parser
from deploy.local.config.envoy import Breakers
from locustfiles.__main__ import main
from locustfiles.command.checks import _check_gates
from locustfiles.command.parser import BREAKERS, parser
from locustfiles.load.options import IMAGES_ENV, load_of, named_files
from locustfiles.run.setup import SetupError
from model.command_line import BAD_INPUT

ROOT: Final = Path(__file__).parents[3]
SINGLE: Final = str(ROOT / "deploy" / "seldon" / "metrics-model.yaml")
ARTIFACTS: Final = ROOT / "artifacts"


def knock(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The front door, called in an empty folder with only the given variables of ours in the environment.

    In this process: what is refused gets no further than `main`, and a process for each would spend seconds importing.
    """
    clean = {name: value for name, value in os.environ.items() if name.lower() not in ("host", "sdep", "http_proxy")}
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        mock.patch.dict(os.environ, {**clean, **variables}, clear=True),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(arguments)
    code = ended.value.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())


def assert_refused(folder: Path, message: str, *arguments: str, **variables: str) -> None:
    """One line that says ``said``, exit code 2, and no run folder."""
    ended = knock(folder, *arguments, **variables)
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1), ended.stderr
    assert message in ended.stderr
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bogus", "1"], "unrecognized arguments: --bogus 1"),
        (["--rate", "fast"], "invalid float value: 'fast'"),
        (["--rate", "-1"], "expected 0 to 1000000, got -1"),
        (["--rate", "1234567.5"], "expected 0 to 1000000, got 1234567.5"),
        (["--batch", "1000000"], "reading --batch: expected 1 to 10000, got 1000000."),
        (["--seed", "-1"], "reading --seed: expected 0 to 9223372036854775807, got -1."),
        (["--shape", "hold:1000001/s:3s"], "of at most 1000000/s"),
        (["--users", "0"], "expected 1 to 100000, got 0"),
        (["--processes", "-1"], "expected 1 to 256, got -1"),
        (["--workers", "0"], "reading --workers: expected 1 to 256, got 0"),
        (["--workers", "two"], "argument --workers: invalid int value: 'two'"),
        (["--breakers", "foo"], "argument --breakers: invalid choice: 'foo'"),
        (["--duration", "soon"], "expected a time as 45, 30s, 5m or 1h30m, got 'soon'"),
        (["--duration", "1.5s"], "reading --duration: expected whole seconds, got '1.5s'"),
        (["--duration", "0s"], "expected a time as 45, 30s, 5m or 1h30m, got '0s'"),
        (["--predict-ratio", "0", "--feedback-ratio", "0"], "expected one above 0"),
        (["--reward", "gold"], "invalid choice: 'gold'"),
        (["--sdep", "none.yaml"], "none.yaml"),
        (["--images", "none.toml"], "expected a TOML file, got none at none.toml"),
        (["--host", "http://127.0.0.1:1"], "expected both --host and --prometheus-url"),
        (["--prometheus-url", "http://127.0.0.1:1"], "expected both --host and --prometheus-url"),
        (["--host", "127.0.0.1:1", "--prometheus-url", "http://p"], "expected a URL as http://127.0.0.1:8003"),
        (["--host", "http://127.0.0.1:1", "--prometheus-url", "http://p"], "Connection refused"),
        (["--heldout", "none.parquet"], "none.parquet"),
        (["--artifacts", "nowhere"], "nowhere"),
        (["--web", "--web-port", "70000"], "expected a free port, got 70000"),
        (["--trace", "none.txt"], "none.txt"),
        (["--shape", "rump:1/s..2/s:3s"], "expected hold:RATE:TIME, ramp:"),
        (["--shape", "hold:9/s:9s", "--duration", "5s"], "expected none beside --shape, which says how long it lasts"),
        (["--shape", "hold:9/s:9s", "--rate", "5"], "reading --rate and --shape: expected one of them, got 2"),
        (["--users", "5", "--rate", "10"], "reading --users: expected none beside --rate, whose arrivals"),
        (["--users", "10", "--shape", "hold:9/s:9s"], "reading --users: expected none beside --shape"),
        (["--users", "10", "--trace", "none.txt"], "reading --users: expected none beside --trace"),
        (["--ca-file", "nope"], "reading --ca-file: expected a file of certificates, got none at nope"),
        (["--gate", "recall=0.9"], "expected one like precision>=0.9"),
        (["--gate", "recall>=0.9", "--web"], "reading --gate: expected none beside --web, got recall>=0.9."),
        (["--ca-file", "none.pem", "--host", "https://h", "--prometheus-url", "http://p"], "none.pem"),
        (
            ["--access", "none.toml"],
            "expected a TOML file, got: No such file or directory (none.toml)",
        ),
        (["--host", "http://u:p@h", "--prometheus-url", "http://p"], "reading --host: expected a URL without a login"),
        (["--host", "http://h", "--prometheus-url", "http://u@p"], "without a login, got http://***@p. Give --access"),
    ],
)
def test_a_bad_argument_is_one_line(tmp_path: Path, arguments: list[str], message: str) -> None:
    """Exit code 2, what was expected and what came, no traceback, no run folder."""
    assert_refused(tmp_path, message, *arguments)


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("RATE", "fast", "argument --rate (set by RATE): invalid float value: 'fast'"),
        ("USERS", "many", "argument --users (set by USERS): invalid int value: 'many'"),
        ("USERS", "0", "reading --users (set by USERS): expected 1 to 100000, got 0"),
        ("DURATION", "soon", "reading --duration (set by DURATION): expected a time"),
        ("NAMESPACE", "a b", "reading --namespace (set by NAMESPACE): expected lower-case letters"),
        ("HOST", "http://h", "expected both --host (set by HOST) and --prometheus-url"),
        ("PLUMBLINE_TIMEOUT", "foo", "argument --timeout (set by PLUMBLINE_TIMEOUT): invalid float value: 'foo'"),
        ("PLUMBLINE_REWARD", "gold", "reading --reward (set by PLUMBLINE_REWARD): expected one of correct, none"),
        ("PLUMBLINE_BREAKERS", "foo", "reading --breakers (set by PLUMBLINE_BREAKERS): expected one of istio, envoy"),
        ("PLUMBLINE_WORKERS", "-1", "reading --workers (set by PLUMBLINE_WORKERS): expected 1 to 256, got -1"),
        ("PLUMBLINE_WEB_PORT", "x", "argument --web-port (set by PLUMBLINE_WEB_PORT): invalid int value: 'x'"),
        ("PROMETHEUS_URL", "http://u:geheim@p", "reading --prometheus-url (set by PROMETHEUS_URL): expected a URL"),
        ("SDEP", "none.yaml", "none.yaml"),
        ("IMAGES", "none.toml", "none.toml"),
        ("PLUMBLINE_SHAPE", "ramp", "got 'ramp'"),
    ],
)
def test_a_bad_variable_is_refused_like_a_bad_argument(tmp_path: Path, variable: str, value: str, message: str) -> None:
    """The Makefile hands on variables; a bad one is no default."""
    assert_refused(tmp_path, message, **{variable: value})


def test_users_beside_a_rate_are_refused_only_if_they_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the variable as by the option; the ten users of a closed loop without either are no wish of the user."""
    line = "reading --users (set by USERS): expected none beside --rate, whose arrivals wait for no user, got 5."
    assert_refused(tmp_path, line, "--rate", "5", USERS="5")
    command = command_for(tmp_path, monkeypatch, "--rate", "5", "--no-calibration")
    assert command[command.index("-u") + 1] == "10"


@pytest.mark.parametrize("words", [["--timeout", "foo"], ["--timeout=foo"]])
def test_an_option_that_is_given_is_not_blamed_on_its_variable(tmp_path: Path, words: list[str]) -> None:
    """The option is taken before the variable, so the variable is not what is wrong."""
    assert_refused(tmp_path, "argument --timeout: invalid float value: 'foo'", *words, PLUMBLINE_TIMEOUT="3")


def test_an_empty_variable_is_not_set() -> None:
    """`RATE= make loadtest` means what `make loadtest` means."""
    ended = knock(ROOT, "--users", "0", RATE="", SDEP="", SEED="")
    assert ended.stderr == "plumbline: reading --users: expected 1 to 100000, got 0.\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "got"),
        ("kind: Deployment\nmetadata: {name: x}\n", "SeldonDeployment"),
        ("", "got"),
    ],
    ids=["no YAML", "another kind", "empty"],
)
def test_a_manifest_that_is_none_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    """Whatever the reader of manifests finds wrong comes out as its one line."""
    (tmp_path / "m.yaml").write_text(text)
    assert_refused(tmp_path, message, "--sdep", "m.yaml")


def test_a_graph_that_the_stack_cannot_run_is_named_by_its_field(tmp_path: Path) -> None:
    """A prepackaged server runs on a cluster only."""
    manifest = yaml.safe_load(Path(SINGLE).read_text())
    manifest["spec"]["predictors"][0]["graph"] |= {"implementation": "SKLEARN_SERVER", "modelUri": "gs://x/y"}
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(manifest))
    assert_refused(tmp_path, "graph.implementation", "--sdep", "m.yaml")


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """A copy of the artefacts that a test may spoil."""
    return Path(shutil.copytree(ARTIFACTS, tmp_path / "artifacts"))


def spoil_missing(folder: Path) -> None:
    (folder / "binary-percept.joblib").unlink()


def spoil_digest(folder: Path) -> None:
    with (folder / "binary-percept.joblib").open("ab") as file:
        file.write(b"\0")


def spoil_model(folder: Path) -> None:
    import hashlib  # noqa: PLC0415

    joblib.dump({"not": "a model"}, folder / "binary-percept.joblib")
    card = json.loads((folder / "binary-percept.json").read_text())
    card["sha256"] = hashlib.sha256((folder / "binary-percept.joblib").read_bytes()).hexdigest()
    (folder / "binary-percept.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_missing, "No such file"),
        (spoil_digest, "expected SHA-256"),
        (spoil_model, "expected a fitted classifier"),
    ],
)
def test_an_artefact_that_cannot_be_trusted_is_one_line(
    tmp_path: Path, artifacts: Path, spoil: Callable[[Path], None], message: str
) -> None:
    """Missing, of another digest, or not a model though its card says so."""
    spoil(artifacts)
    assert_refused(tmp_path, message, "--sdep", SINGLE, "--artifacts", str(artifacts))


def without_column(table: pa.Table) -> pa.Table:
    return table.drop_columns(["mean radius"])


def with_nan(table: pa.Table) -> pa.Table:
    place = table.column_names.index("mean radius")
    values = [float("nan"), *table.column(place).to_pylist()[1:]]
    return table.set_column(place, "mean radius", pa.array(values))


def with_unknown_class(table: pa.Table) -> pa.Table:
    place = table.column_names.index("truth")
    return table.set_column(place, "truth", pa.array([7, *table.column(place).to_pylist()[1:]]))


def without_rows(table: pa.Table) -> pa.Table:
    return table.slice(0, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without_column, "none named 'mean radius'"),
        (with_nan, "finite numbers"),
        (with_unknown_class, "got 7"),
        (without_rows, "at least one row"),
    ],
)
def test_held_out_rows_that_cannot_be_sent_are_one_line(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    """A missing column, a NaN, an unknown class, no rows."""
    pq.write_table(change(pq.read_table(ARTIFACTS / "heldout.parquet")), tmp_path / "h.parquet")
    assert_refused(tmp_path, message, "--heldout", "h.parquet")


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    """The web page's port; the message names the option."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_refused(tmp_path, f"expected a free port, got {port}", "--web", "--web-port", port)


def test_a_host_that_answers_html_is_one_line(tmp_path: Path, misbehaving: Callable[..., Any]) -> None:
    """HOST points at somebody's web site: said before a single prediction is sent."""

    def behave(peer: Any) -> None:
        peer.request()
        peer.answer(b"<html>Welcome</html>")

    server = misbehaving(behave)
    assert_refused(tmp_path, "expected Seldon's health", "--host", server.url, "--prometheus-url", "http://p")
    assert [request.split(b" ")[0] for request in server.whole] == [b"GET"]


def test_a_proxy_is_refused_with_a_word(tmp_path: Path) -> None:
    """A load test through a proxy measures the proxy."""
    assert_refused(
        tmp_path,
        "through a proxy measures the proxy",
        *("--host", "http://seldon.invalid", "--prometheus-url", "http://p"),
        http_proxy="http://proxy.invalid:3128",
    )


def test_a_folder_that_holds_a_run_is_not_written_over(tmp_path: Path) -> None:
    """The evidence of an earlier run stays as it is."""
    old = tmp_path / "old"
    old.mkdir()
    (old / "run.json").write_text("{}")
    assert_refused(tmp_path, "which holds a run", "--run", "old")
    assert [path.name for path in old.iterdir()] == ["run.json"]


def test_a_run_that_ends_before_its_run_json_is_not_the_latest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the stack does not come up, `make judge` judges neither the run before nor a folder without run.json."""
    old = tmp_path / "runs" / "old"
    old.mkdir(parents=True)
    (tmp_path / "runs" / "latest").symlink_to("old")
    monkeypatch.setattr(os, "execv", lambda *_: sys.exit(2))
    assert knock(tmp_path).returncode == 2
    (new,) = [path for path in (tmp_path / "runs").iterdir() if path != old]
    assert sorted(path.name for path in new.iterdir()) == ["gates.json", "logs"]


@pytest.mark.parametrize(
    ("words", "gates"),
    [
        (["--gate", "recall>=0.9", "--gate", "failures<=1%"], ["recall>=0.9", "failures<=1%"]),
        ([], ["accuracy>=0.5"]),
    ],
    ids=["given", "of the project"],
)
def test_the_gates_of_a_run_are_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], gates: list[str]
) -> None:
    """Before anything starts; those of the command line in place of those of the caller's ``pyproject.toml``."""
    (tmp_path / "pyproject.toml").write_text("[tool.plumbline]\ngates = ['accuracy>=0.5']\n")
    command_for(tmp_path, monkeypatch, "--run", "new", *words)
    assert json.loads((tmp_path / "new" / "gates.json").read_text()) == gates


def test_a_gate_on_a_predictor_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Before the load, not after it."""
    words = "gate: expected a predictor of the manifest (default, shadow), got 'canary.recall>=0.9'."
    assert_refused(tmp_path, words, "--gate", "canary.recall>=0.9")


@pytest.mark.parametrize(("positive", "is_refused"), [(None, True), ("good", False)])
def test_a_gate_that_needs_a_positive_class_is_refused_where_there_is_none(
    positive: str | None, is_refused: bool
) -> None:
    card = SimpleNamespace(positive_class=positive, classes=("bad", "good", "odd"))
    setup = SimpleNamespace(card=card, deployment=SimpleNamespace(predictors=()))
    _check_gates(["accuracy>=0.9", "failures<=1%"], cast("Any", setup))
    with pytest.raises(SetupError, match="expected accuracy, as 3 classes") if is_refused else contextlib.nullcontext():
        _check_gates(["recall>=0.9"], cast("Any", setup))


@pytest.mark.parametrize(
    ("name", "holding"), [("run.json", "a run"), ("report.md", "report.md"), ("notes.txt", "notes.txt")]
)
def test_a_folder_that_holds_a_users_files_is_no_run_folder(tmp_path: Path, name: str, holding: str) -> None:
    """One line that names the first, and the file is as it was."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("mine")
    assert_refused(tmp_path, f"mine, which holds {holding}. Name another.", "--run", "mine")
    assert [path.read_text() for path in (tmp_path / "mine").iterdir()] == ["mine"]


def command_for(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> list[str]:
    """The command that the front door becomes; it is not run."""
    commands: list[list[str]] = []

    def execute(_: str, command: list[str]) -> NoReturn:
        commands.append(command)
        sys.exit(0)

    monkeypatch.setattr(os, "execv", execute)
    knock(folder, *words)
    [command] = commands
    return command


def test_the_duration_reaches_locust_in_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest load is 30 days: Locust does not take 2.592e+06s."""
    command = command_for(tmp_path, monkeypatch, "--duration", "720h")
    assert command[command.index("-t") + 1] == "2592000s"


@pytest.mark.parametrize("words", [[], ["--workers", "3", "--breakers", "envoy"]])
def test_the_stack_gets_its_options_as_it_takes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """What the front door lets through is no error of the launcher, whose command the user has not typed."""
    command = command_for(tmp_path, monkeypatch, *words)
    stack = command[command.index("run") + 1 : command.index("--")]
    parsed = launcher_parser().parse_args(["run", *stack])
    assert (parsed.workers, parsed.breakers) == ((3, "envoy") if words else (None, "istio"))
    assert get_args(Breakers) == BREAKERS


def test_the_help_explains_every_option_with_examples() -> None:
    """Each option with a text, the variables, the exit codes and commands to copy."""
    text = parser().format_help()
    for word in ("examples:", "--rate", "--sdep", "DURATION", "exit codes:", "python -m locustfiles --web"):
        assert word in text
    assert all(action.help for action in parser()._actions)


@pytest.mark.parametrize("text", ["help", "README"])
def test_every_exit_code_is_explained(text: str) -> None:
    """The judge's, that of bad input, and those of a run that a signal ended: 128 plus its number."""
    explained = parser().format_help().partition("exit codes:")[2]
    if text == "README":
        explained = (ROOT / "README.md").read_text(encoding="utf-8").partition("## How to read a verdict")[2]
        explained = explained.partition("\n## ")[0]
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    codes = {*EXIT_CODE.values(), BAD_INPUT, *(128 + number for number in signals)}
    assert {code for code in codes if not re.search(rf"\b{code}\b", explained)} == set()


@pytest.mark.parametrize("shape", ["", "hold:5/s:30s"])
def test_the_command_that_a_report_gives_is_one_that_is_taken(shape: str) -> None:
    """The options in `run.json`, written as a command, ask for the same load again."""
    load = load_of(argparse.Namespace(shape=shape, seed=2**63 - 1, batch=2, max_in_flight=100_000, think_time=1 / 3))
    run = runfolder.Run(
        id="r", deployment="d", namespace="ns", manifest=SINGLE, manifest_sha256="", predictors=(), host="",
        prometheus_url="", seed=7, heldout="", heldout_sha256="", artifacts={}, versions={}, started="",
        options=load.as_dict() | {"users": 3, "spawn_rate_per_s": 3.0, "duration_s": 30.0, "processes": 1},
    )  # fmt: skip
    command = shlex.split(command_to_repeat(run))
    parsed = parser().parse_args(command[3:])
    assert (load_of(parsed), parsed.users, parsed.sdep) == (load, None if shape else 3, SINGLE)
    assert parsed.duration == ("" if shape else "30s")


def test_the_reports_command_names_the_users_files(tmp_path: Path) -> None:
    """Artefacts, held-out rows, image map and access, as absolute paths; those of the project itself are left out."""
    parsed = parser().parse_args(
        ["--artifacts", str(tmp_path), "--heldout", "rows.parquet", "--access", "a.toml", "--ca-file", "ca.pem"]
    )
    with contextlib.chdir(tmp_path), mock.patch.dict(os.environ, {IMAGES_ENV: str(tmp_path / "map.toml")}):
        files = named_files(parsed)
    run = runfolder.Run(
        id="x", deployment="d", namespace="seldon", manifest=SINGLE, manifest_sha256="", predictors=(), host="",
        prometheus_url="", seed=7, heldout="", heldout_sha256="", artifacts={}, versions={}, started="", options=files,
    )  # fmt: skip
    again = parser().parse_args(shlex.split(command_to_repeat(run))[3:])
    assert (again.artifacts, again.heldout, again.images) == (
        str(tmp_path),
        str(tmp_path / "rows.parquet"),
        str(tmp_path / "map.toml"),
    )
    assert (again.access, again.ca_file) == (str(tmp_path / "a.toml"), str(tmp_path / "ca.pem"))
    with mock.patch.dict(os.environ, clear=True):
        assert named_files(parser().parse_args([])) == {}


@pytest.mark.stack
def test_an_existing_deployment_with_settings_that_change_what_is_counted_says_so(
    locust: Callable[..., Any], counting: Callable[..., Any], tmp_path: Path
) -> None:
    """A retry of the ingress is the first thing to know of a deployment that seems to count twice."""
    manifest = tmp_path / "retries.yaml"
    text = Path(SINGLE).read_text()
    manifest.write_text(text.replace("\nspec:\n", '\nspec:\n  annotations: {seldon.io/istio-retries: "3"}\n', 1))
    running = locust(
        *("--host", counting().url, "--prometheus-url", "http://127.0.0.1:1", "--duration", "1s"),
        *("--sdep", str(manifest)),
        module="locustfiles",
    )
    code, _, err = running.end()
    assert code == 0, err
    line = "plumbline: spec.annotations.seldon.io/istio-retries: the ingress sends a request again that failed, 3 times"
    assert err.splitlines()[0].startswith(line)


@pytest.mark.stack
@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_run_on_an_existing_deployment_ends_with_the_judges_code(
    locust: Callable[..., Any], counting: Callable[..., Any], processes: str
) -> None:
    """Progress on standard error, the verdict alone on standard output, Locust's own words in the log."""
    server = counting("--delay", "0.01")
    running = locust(
        *("--host", server.url, "--prometheus-url", "http://127.0.0.1:1", "--duration", "3s", "--users", "3"),
        *("--seed", "5", "--processes", processes, "--run", "here"),
        module="locustfiles",
        environment={"FAKE_FINISH": "3"},
    )
    code, out, err = running.end()
    assert (code, out) == (3, "FAKE VERDICT finished, told finished\n"), err
    folder = running.folder / "here"
    options = runfolder.read(folder).options
    assert (options["seed"], options["users"], options["duration_s"], options["processes"]) == (
        5,
        3,
        3.0,
        int(processes),
    )
    events = read_ledger(folder / "ledger.arrow").events.num_rows
    assert f"3/3 s  {events:>9,} events" in err
    assert all(line.startswith("  ") for line in err.splitlines()), err
    assert "Shutting down" in (folder / "logs" / "locust.log").read_text()
    assert not running.run.exists()  # runs/latest points into runs/ only


@pytest.mark.stack
def test_a_baseline_that_fails_stops_the_test_before_it_starts(
    locust: Callable[..., Any], counting: Callable[..., Any]
) -> None:
    """Prometheus is not there: its line, exit code 2, and not one request."""
    server = counting()
    running = locust(
        *("--host", server.url, "--prometheus-url", "http://127.0.0.1:1", "--duration", "3s"),
        module="locustfiles",
        environment={"FAKE_BASELINE": "asking Prometheus: expected JSON, got nothing."},
    )
    code, out, err = running.end()
    assert (code, out, err) == (2, "", "asking Prometheus: expected JSON, got nothing.\n")
    assert server.counts() == {"predict": 0, "feedback": 0, "answered": 0}


@pytest.mark.stack
@pytest.mark.parametrize("moment", ["importing", "baseline"])
def test_a_ctrl_c_before_the_load_is_no_traceback(
    locust: Callable[..., Any], counting: Callable[..., Any], moment: str
) -> None:
    """While the front door imports, and while the baseline waits for a scrape: gone at once, and nothing was sent."""
    server = counting()
    running = locust(
        *("--host", server.url, "--prometheus-url", "http://127.0.0.1:1", "--duration", "3s"),
        module="locustfiles",
        environment={"FAKE_WAITING": "60"},
    )
    deadline = time.monotonic() + 30
    sign = "imports" if moment == "importing" else "baseline-began"
    while time.monotonic() < deadline and not is_at(running, sign):
        time.sleep(0.01)
    running.signal(signal.SIGINT, group=True)
    code, out, err = running.end()
    assert "Traceback" not in out + err
    assert code in {130, -signal.SIGINT}, err
    assert server.counts() == {"predict": 0, "feedback": 0, "answered": 0}
    if moment == "baseline":
        assert "interrupted before the load began: nothing was sent" in err


def is_at(running: Any, moment: str) -> bool:
    """Whether the front door has begun to import numpy, or the baseline has begun."""
    if moment == "imports":
        return "numpy" in Path(f"/proc/{running.process.pid}/maps").read_text()
    return bool((running.run / moment).exists())
