"""Our server against its claims: loopback only, one line for a mistake, a clean stop, the operator's environment."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from seldon_core.proto import prediction_pb2_grpc
from seldon_core.proto.prediction_pb2 import SeldonMessage
from seldon_core.utils import json_to_feedback

from model import artifact, contract, dataset
from model.estimator import load_model
from model.server.serving import main
from tests.model.serving import ROOT, Server, operators_environment, serving

pytestmark = pytest.mark.stack
PREDICT, FEEDBACK = "/api/v1.0/predictions", "/api/v1.0/feedback"


@pytest.fixture(scope="module")
def server(trained: Path) -> Iterator[Server]:
    with serving(trained / "binary-percept.joblib") as running:
        yield running


@pytest.fixture(scope="module")
def heldout(trained: Path) -> dataset.Heldout:
    return dataset.load_heldout(trained / "heldout.parquet")


def feedback(heldout: dataset.Heldout, row: int) -> dict[str, Any]:
    return {
        "request": {"data": {"ndarray": [heldout.X[row].tolist()]}},
        "reward": 0,
        "truth": {"data": {"ndarray": [int(heldout.truth[row])]}},
    }


def test_nothing_listens_beyond_loopback(server: Server) -> None:
    """Every listening socket of the group is on 127.0.0.1, and the three ports are among them."""
    assert {address for address, _ in server.listening()} == {"127.0.0.1"}
    assert {port for _, port in server.listening()} >= {server.http, server.grpc, server.metrics}


def test_a_connection_that_says_nothing_holds_nobody_up(trained: Path) -> None:
    """A proxy opens connections ahead of need: with one worker and one thread, requests on others are answered."""
    with serving(trained / "binary-percept.joblib") as running, socket.create_connection(("127.0.0.1", running.http)):
        began = time.monotonic()
        assert running.call("/health/ping", b"", "GET")[0] == 200
        assert time.monotonic() - began < 2.5, "gunicorn's own worker waits 5 s for the silent connection"


def test_more_than_a_thousand_connections_keep_nobody_out(trained: Path) -> None:
    """A proxy opens one for each request of a backlog and keeps it: gunicorn's default takes 1,000 for a worker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 3000:
        pytest.skip(f"needs 3,000 open files, the limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 3000), hard))
    with contextlib.ExitStack() as held, serving(trained / "binary-percept.joblib") as running:
        held.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1100):
            held.enter_context(socket.create_connection(("127.0.0.1", running.http)))
        began = time.monotonic()
        assert running.call("/health/ping", b"", "GET")[0] == 200
        assert time.monotonic() - began < 2.5, "a connection past the limit waits until an idle one is closed"


def test_answers_carry_the_operators_names(server: Server, heldout: dataset.Heldout, trained: Path) -> None:
    """Tags name file, digest and predictor; requestPath names the unit and image; labels name the deployment."""
    status, body = server.call(PREDICT, {"data": {"ndarray": heldout.X[:3].tolist()}})
    answer = json.loads(body)
    card = artifact.load_card(trained / "binary-percept.joblib")
    model = load_model(trained / "binary-percept.joblib")
    assert status == 200
    assert answer["data"]["ndarray"] == model.predict(heldout.rows.take([0, 1, 2])).tolist()
    assert answer["meta"]["requestPath"] == {"binary-percept": "metrics_model:0.1"}
    assert answer["meta"]["tags"] == {
        contract.TAG_ARTIFACT: "binary-percept.joblib",
        contract.TAG_DIGEST: card.sha256,
        contract.TAG_PREDICTOR: "default",
    }
    line = next(line for line in server.scrape()[1].splitlines() if line.startswith("true_pos{"))
    for label in ('deployment_name="metrics-model"', 'predictor_name="default"', 'model_name="binary-percept"'):
        assert label in line


def test_a_refused_feedback_counts_nothing_not_even_its_reward(server: Server, heldout: dataset.Heldout) -> None:
    """After a 400 every feedback metric is what it was; after a 200 with reward 0 the request is counted."""
    before = server.sums()
    bad = feedback(heldout, 0) | {"truth": {"data": {"ndarray": [7]}}, "reward": 1}
    status, body = server.call(FEEDBACK, bad)
    assert (status, json.loads(body)["status"]["reason"]) == (400, "MICROSERVICE_BAD_DATA")
    assert server.sums() == before
    assert server.call(FEEDBACK, feedback(heldout, 0))[0] == 200
    after = server.sums()
    assert after["seldon_api_model_feedback_total"] == before["seldon_api_model_feedback_total"] + 1
    assert after["seldon_api_model_feedback_reward_total"] == before["seldon_api_model_feedback_reward_total"]


def test_the_exposition_is_what_prometheus_and_openmetrics_take(server: Server) -> None:
    """One charset in the text's type; asked for OpenMetrics it gives OpenMetrics, which its strict parser reads."""
    kind, text = server.scrape()
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    heads = [line for line in text.splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))
    kind, text = server.scrape("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    names = {family.name for family in openmetrics_families(text)}  # type: ignore[no-untyped-call]
    assert {"true_pos", "scored_true_pos", "serving_skew", "seldon_api_model_feedback"} <= names


def test_a_connection_is_kept_alive(server: Server, heldout: dataset.Heldout) -> None:
    """Twenty requests, of both ways to answer, go over one connection."""
    connection = HTTPConnection("127.0.0.1", server.http, timeout=10)
    connection.connect()
    port = connection.sock.getsockname()[1]
    for number in range(20):
        body = json.dumps(feedback(heldout, number) | ({"extra": 1} if number % 2 else {}))
        connection.request("POST", FEEDBACK, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == (400 if number % 2 else 200)
        assert connection.sock is not None
        assert connection.sock.getsockname()[1] == port
    connection.close()


SLOW_CLASS = """
import os, pathlib, time
class Slow:
    def predict(self, X, names, meta=None):
        pathlib.Path(os.environ["BEGUN"]).touch()
        time.sleep(0.7)
        return [1]
"""


@pytest.mark.parametrize("to", ["the main process", "the group"])
def test_sigterm_answers_what_is_in_flight_and_leaves_nothing(trained: Path, tmp_path: Path, to: str) -> None:
    """However SIGTERM comes: the request in flight is answered, all end within 2 s, no file and no process remains."""
    (tmp_path / "Slow.py").write_text(SLOW_CLASS)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "PREDICTIVE_UNIT_PARAMETERS": "[]",
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
        "BEGUN": str(tmp_path / "begun"),
    }
    answers: list[tuple[int, bytes]] = []
    with serving(trained, ("-m", "model.server", "Slow", "--workers", "2"), environment=environment) as server:
        body = {"data": {"ndarray": [[1.0]]}}
        client = threading.Thread(target=lambda: answers.append(server.call(PREDICT, body)))
        client.start()
        deadline = time.monotonic() + 20
        while not (tmp_path / "begun").exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        idle = HTTPConnection("127.0.0.1", server.http, timeout=10)
        idle.connect()  # a connection without a request must not hold the server up
        assert server.stop(group=to == "the group") < 2
        client.join()
        idle.close()
        assert server.process.returncode == 0
        assert server.group() == []
    assert [status for status, _ in answers] == [200]
    assert list(temporary.iterdir()) == []


def test_a_killed_main_process_takes_the_others_along(trained: Path) -> None:
    """After SIGKILL of the supervisor nothing of the group is left, and both ports are free again."""
    with serving(trained / "binary-percept.joblib") as server:
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        deadline = time.monotonic() + 5
        while server.group():
            assert time.monotonic() < deadline, server.group()
            time.sleep(0.02)


def test_a_dead_part_ends_the_server(trained: Path, tmp_path: Path) -> None:
    """A gRPC process that dies ends the server with exit code 1 and a line that names it."""
    log = tmp_path / "log"
    with serving(trained / "binary-percept.joblib", log=log) as server:
        listeners = {
            pid: {c.laddr.port for c in psutil.Process(pid).net_connections("inet") if c.status == psutil.CONN_LISTEN}
            for pid in server.group()
        }
        (grpc,) = [pid for pid, ports in listeners.items() if server.grpc in ports]
        os.kill(grpc, signal.SIGKILL)
        assert server.process.wait(10) == 1
        assert server.group() == []
    assert "grpc-0 ended with exit code -9" in log.read_text()


def test_hangup_starts_the_workers_anew_and_keeps_their_counts(trained: Path, heldout: dataset.Heldout) -> None:
    """As with the stock launcher, whose workers' counts are gone then."""
    with serving(trained / "binary-percept.joblib") as server:
        assert server.call(FEEDBACK, feedback(heldout, 0))[0] == 200
        counts, before = server.sums(), set(server.group())
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while len(before - set(server.group())) < 1 or not set(server.group()) - before:
            assert time.monotonic() < deadline, (before, server.group())
            time.sleep(0.02)
        assert server.call(FEEDBACK, feedback(heldout, 1))[0] == 200
        total = counts["seldon_api_model_feedback_total"]
        assert (total, server.sums()["seldon_api_model_feedback_total"]) == (1, 2)


@pytest.mark.stack
def test_it_serves_where_tracing_is_on(trained: Path) -> None:
    """The operator sets TRACING=1 then; nobody need listen to the traces."""
    environment = {"TRACING": "1", "JAEGER_AGENT_HOST": "127.0.0.1"}
    with serving(trained / "binary-percept.joblib", environment=environment) as server:
        assert server.call("/health/ping", None, "GET")[0] == 200
        row = SeldonMessage(data={"tensor": {"shape": [1, 30], "values": [1.0] * 30}})
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
            answer = prediction_pb2_grpc.ModelStub(channel).Predict(row, timeout=10)
        assert len(answer.data.tensor.values) == 1
        assert server.call("/health/ping", None, "GET")[0] == 200


@pytest.mark.parametrize("way", ["short", "stock", "grpc"])
def test_the_carried_answer_is_scored_for_the_predictor_that_gave_it(
    server: Server, heldout: dataset.Heldout, trained: Path, way: str
) -> None:
    """Each way to the class: an own answer that differs is scored and is skew, the same of another is neither."""
    model = load_model(trained / "binary-percept.joblib")
    wrong = 1 - int(model.predict(heldout.rows.take([0]))[0])
    tags = json.loads(server.call(PREDICT, {"data": {"ndarray": heldout.X[:1].tolist()}})[1])["meta"]["tags"]
    for whose, skew in ((tags, 1), (tags | {contract.TAG_PREDICTOR: "shadow"}, 0)):
        message = feedback(heldout, 0) | {"response": {"data": {"ndarray": [wrong]}, "meta": {"tags": whose}}}
        before = server.sums()
        if way == "grpc":
            with grpc.insecure_channel(f"127.0.0.1:{server.grpc}") as channel:
                prediction_pb2_grpc.SeldonStub(channel).SendFeedback(json_to_feedback(message), timeout=10)
        else:
            meta = {"meta": {"puid": "a"}} if way == "stock" else {}
            assert server.call(FEEDBACK, message | {"request": {**message["request"], **meta}})[0] == 200
        after = server.sums()
        scored = wrong if skew else 1 - wrong
        name = contract.METRIC_OF_CELL[contract.cell_of(scored, int(heldout.truth[0]), 1)]
        assert after[name] == before[name] + 1
        assert after[f"{contract.SKEW_COUNTER}_total"] == before[f"{contract.SKEW_COUNTER}_total"] + skew


MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "an unknown option": (["--colour", "red"], {}, "options: expected those of --help, got --colour red"),
    "a word for a number": (["--workers", "many"], {}, "options: argument --workers: invalid int value: 'many'"),
    "no such module": (["nowhere.Nothing"], {}, "class: expected to import nowhere"),
    "no such class": (["model.contract.Nothing"], {}, "class: expected Nothing in module model.contract"),
    "parameters that are not JSON": ([], {"PREDICTIVE_UNIT_PARAMETERS": "{"}, "parameters: expected a JSON list"),
    "a parameter of another type": (
        [],
        {"PREDICTIVE_UNIT_PARAMETERS": '[{"name": "a", "type": "INT", "value": "x"}]'},
        "parameters: Bad model parameter: a",
    ),
    "text in place of a number": ([], {"GUNICORN_WORKERS": "many"}, "environment: expected a number"),
    "a path in place of a model's name": (
        [],
        {"PREDICTIVE_UNIT_PARAMETERS": '[{"name": "model_name", "type": "STRING", "value": "../none.joblib"}]'},
        "parameter model_name: expected the name of a file in",
    ),
    "no such model file": (
        [],
        {"PREDICTIVE_UNIT_PARAMETERS": '[{"name": "model_name", "type": "STRING", "value": "none.joblib"}]'},
        "model file: expected a file",
    ),
}


def refusal(arguments: list[str], monkeypatch: pytest.MonkeyPatch, **environment: str) -> int:
    """Exit code of the server's ``main`` in this process: an import of the server takes seconds."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return main(arguments)


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is started; the line names what was expected."""
    arguments, environment, message = MISTAKES[what]
    assert refusal(arguments, monkeypatch, **environment) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1


@pytest.mark.parametrize("name", ["http", "grpc", "metrics"])
def test_a_taken_port_is_one_line_and_exit_code_2(
    server: Server, trained: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of the three ports, taken by a running server, is named."""
    ports = [getattr(server, name) if name == each else 0 for each in ("http", "grpc", "metrics")]
    environment = operators_environment(ports, trained / "binary-percept.joblib")
    assert refusal([], monkeypatch, **environment) == 2
    shown = capsys.readouterr()
    assert f"--{name}-port: expected a free port" in shown.err
    assert len(shown.err.splitlines()) == 1


def test_a_mistake_is_an_exit_code_of_the_command_too(trained: Path) -> None:
    """The command itself: one line on stderr, exit code 2, nothing on stdout."""
    ended = subprocess.run(
        [sys.executable, "-m", "model.server", "--colour", "red"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (ended.returncode, ended.stdout, len(ended.stderr.splitlines())) == (2, "", 1)


def test_the_help_teaches_both_parsers_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--help`` shows ours and the stock launcher's."""
    with pytest.raises(SystemExit) as ended:
        refusal(["--help"], monkeypatch)
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for option in ("--bind-host", "--no-shortcut", "--workers", "--grpc-threads", "--max-requests"):
        assert option in shown
