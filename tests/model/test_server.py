"""Our server against its claims: loopback only, one line for a mistake, a clean stop, the operator's environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families

from model import artifact, contract, dataset
from tests.model.serving import OURS, ROOT, Server, operators_environment, serving

pytestmark = pytest.mark.stack
PREDICT, FEEDBACK = "/api/v1.0/predictions", "/api/v1.0/feedback"


@pytest.fixture(scope="module")
def server(trained: Path) -> Iterator[Server]:
    with serving(trained / "binary-percept.joblib") as running:
        yield running


@pytest.fixture(scope="module")
def heldout(trained: Path) -> dataset.Heldout:
    return dataset.load_heldout(trained / "heldout.parquet")


def feedback(heldout: dataset.Heldout, row: int) -> dict[str, object]:
    return {
        "request": {"data": {"ndarray": [heldout.X[row].tolist()]}},
        "reward": 0,
        "truth": {"data": {"ndarray": [int(heldout.truth[row])]}},
    }


def test_nothing_listens_beyond_loopback(server: Server) -> None:
    """Every listening socket of the group is on 127.0.0.1, and the three ports are among them."""
    listening = {
        (c.laddr.ip, c.laddr.port)
        for pid in server.group()
        for c in psutil.Process(pid).net_connections("inet")
        if c.status == psutil.CONN_LISTEN
    }
    assert {address.removeprefix("::ffff:") for address, _ in listening} == {"127.0.0.1"}
    assert {port for _, port in listening} >= {server.http, server.grpc, server.metrics}


def test_answers_carry_the_operators_names(server: Server, heldout: dataset.Heldout, trained: Path) -> None:
    """Tags name file, digest and predictor; requestPath names the unit and image; labels name the deployment."""
    status, body = server.call(PREDICT, {"data": {"ndarray": heldout.X[:3].tolist()}})
    answer = json.loads(body)
    card = artifact.load_card(trained / "binary-percept.joblib")
    model = artifact.load_model(trained / "binary-percept.joblib")
    assert status == 200
    assert answer["data"]["ndarray"] == model.predict(heldout.X[:3]).tolist()
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
import time
class Slow:
    def predict(self, X, names, meta=None):
        time.sleep(0.7)
        return [1]
"""


def test_sigterm_answers_what_is_in_flight_and_leaves_nothing(trained: Path, tmp_path: Path) -> None:
    """The main process alone gets SIGTERM: the request in flight is answered, all end within 2 s, no file remains."""
    (tmp_path / "Slow.py").write_text(SLOW_CLASS)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {
        "PYTHONPATH": f"{tmp_path}:{ROOT}",
        "PREDICTIVE_UNIT_PARAMETERS": "[]",
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
    }
    answers: list[tuple[int, bytes]] = []
    with serving(trained, ("-m", "model.server", "Slow", "--workers", "2"), environment=environment) as server:
        body = {"data": {"ndarray": [[1.0]]}}
        client = threading.Thread(target=lambda: answers.append(server.call(PREDICT, body)))
        workers = [psutil.Process(pid) for pid in server.group()]
        client.start()
        deadline = time.monotonic() + 5
        while not any(c.status == psutil.CONN_ESTABLISHED for w in workers for c in w.net_connections("tcp4")):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert server.stop() < 2
        client.join()
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


def test_metrics_are_dropped_from_answers_when_asked(trained: Path, heldout: dataset.Heldout) -> None:
    """INCLUDE_METRICS_IN_CLIENT_RESPONSE=false: no meta.metrics in either answer, and the metrics are still counted."""
    environment = {"INCLUDE_METRICS_IN_CLIENT_RESPONSE": "false", "GRPC_WORKERS": "0"}
    with serving(trained / "binary-percept.joblib", environment=environment) as server:
        for path, body in (
            (PREDICT, {"data": {"ndarray": heldout.X[:1].tolist()}}),
            (FEEDBACK, feedback(heldout, 0)),
        ):
            status, answer = server.call(path, body)
            assert status == 200
            assert "metrics" not in json.loads(answer)["meta"]
        assert server.sums()["seldon_api_model_feedback_total"] == 1


MISTAKES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "an unknown option": (["--colour", "red"], {}, "options: expected those of --help, got --colour red"),
    "no such module": (["nowhere.Nothing"], {}, "class: expected to import nowhere"),
    "no such class": (["model.contract.Nothing"], {}, "class: expected Nothing in module model.contract"),
    "parameters that are not JSON": ([], {"PREDICTIVE_UNIT_PARAMETERS": "{"}, "parameters: expected a JSON list"),
    "a parameter of another type": (
        [],
        {"PREDICTIVE_UNIT_PARAMETERS": '[{"name": "a", "type": "INT", "value": "x"}]'},
        "parameters: Bad model parameter: a",
    ),
    "a number that is none": ([], {"GUNICORN_WORKERS": "many"}, "environment: expected a number"),
    "no such model file": (
        [],
        {"PREDICTIVE_UNIT_PARAMETERS": '[{"name": "model_name", "type": "STRING", "value": "/none.joblib"}]'},
        "model file: expected a file",
    ),
}


def refusal(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "model.server", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(what: str) -> None:
    """Nothing is started; the line names what was expected."""
    arguments, environment, message = MISTAKES[what]
    ended = refusal(arguments, environment)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_taken_port_is_one_line_and_exit_code_2(server: Server, trained: Path) -> None:
    """Each of the three ports, taken by a running server, is named."""
    free = [0, 0, 0]
    for place, (name, port) in enumerate(
        [("http-port", server.http), ("grpc-port", server.grpc), ("metrics-port", server.metrics)]
    ):
        ports = [*free[:place], port, *free[place + 1 :]]
        ended = refusal(list(OURS[2:]), operators_environment(ports, trained / "binary-percept.joblib"))
        assert ended.returncode == 2
        assert f"--{name}: expected a free port" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1


def test_the_help_teaches_both_parsers_options() -> None:
    """``--help`` shows ours and the stock launcher's."""
    shown = refusal(["--help"], {})
    assert shown.returncode == 0
    for option in ("--bind-host", "--no-shortcut", "--workers", "--grpc-threads", "--max-requests"):
        assert option in shown.stdout
