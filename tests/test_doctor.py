"""The doctor at a real stack: all is well in seconds, and each thing that is wrong is named."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.gateway import Authority, gateway, server_context
from tests.running import ROOT, Ended, call

pytestmark = [pytest.mark.stack, pytest.mark.unhurried]

SINGLE = str(ROOT / "deploy" / "seldon" / "metrics-model.yaml")
OTHER_NAMES = """
from plain import Plain

class OtherNames(Plain):
    def metrics(self):
        return [{**metric, "key": metric["key"] + "itives"} for metric in super().metrics() if "pos" in metric["key"]]
"""
RAISES = """
from model.MetricsModel import MetricsModel

class Raises(MetricsModel):
    def send_feedback(self, *arguments, **options):
        raise ValueError("expected 30 features, got 3")
"""


def looked(*options: str, **environment: str) -> Ended:
    """What the doctor printed."""
    return call("-m", "locustfiles.doctor", *options, folder=ROOT, **environment)


@contextmanager
def stack(folder: Path, *options: str) -> Iterator[dict[str, str]]:
    """HOST and PROMETHEUS_URL of a stack of one predictor."""
    places = ("--stacks", str(folder / "stacks"))
    up = call("-m", "deploy.local", "up", SINGLE, *options, *places, folder=folder)
    try:
        assert up.code == 0, str(up)
        yield dict(re.findall(r"^ *(HOST|PROMETHEUS_URL)=(\S+)$", up.out, re.MULTILINE))
    finally:
        call("-m", "deploy.local", "down", *places, folder=folder)


def served(folder: Path, name: str, source: str) -> tuple[str, str]:
    """Options of a stack that serves a class of a user's."""
    (folder / f"{name}.py").write_text(source)
    (folder / "images.toml").write_text(
        f'["metrics_model:0.1"]\ncommand = ["python", "-m", "model.server", "{name}.{name}"]\n'
        f'cwd = "{ROOT}"\nenv = {{ PYTHONPATH = "{folder}:{ROOT / "tests" / "faults"}" }}\n'
    )
    return "--images", str(folder / "images.toml")


def assert_named(run: Ended, code: int, *words: str) -> None:
    """Exit code and all words, wherever a line was broken."""
    assert run.code == code, str(run)
    text = " ".join(run.out.split())
    assert [word for word in words if word not in text] == [], str(run)


def test_all_is_well_within_five_seconds_and_the_feedback_is_announced(existing: dict[str, str]) -> None:
    """A primary and its shadow; the line about the write comes before anything is sent."""
    began = time.monotonic()
    run = looked(**existing)
    took_s = time.monotonic() - began
    assert_named(run, 0, "PASS a load test can start: 8 ok", "one row by default, as true_neg", "one row by shadow")
    assert run.out.index("The deployment counts the feedback for good") < run.out.index("ok   ingress")
    assert took_s < 5


def test_without_a_feedback_nothing_is_counted(existing: dict[str, str]) -> None:
    """The look after it, with one, counts exactly its own."""
    run = looked("--no-feedback", **existing)
    assert_named(run, 0, "One prediction is sent, and no feedback.", "5 ok")
    assert_named(looked(**existing), 0, "one row by default")


def test_the_other_transport(existing: dict[str, str]) -> None:
    assert_named(looked("--transport", "grpc", **existing), 0, "Seldon answers by gRPC", "8 ok")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (lambda *_: ("--host", "http://127.0.0.1:1"), ("nobody listens at 127.0.0.1:1",)),
        (lambda _, prometheus: ("--host", prometheus), ("a Prometheus", "changed over?")),
        (lambda host, _: ("--prometheus-url", host), ("the deployment itself", "changed over?")),
        (lambda host, _: ("--host", f"{host}/prefix"), ("Leave out the path /prefix of --host.",)),
        (lambda host, _: ("--host", host.replace("http:", "https:")), ("plain HTTP on that port", "Use http://")),
        (
            lambda *_: ("--namespace", "other"),
            ("Give --namespace seldon.", "targets of that name in seldon", "them in the namespace seldon"),
        ),
        (lambda *_: ("--sdep", SINGLE), ("No route fits", "them of deployment_name ab-test only")),
        (lambda _, prometheus: ("--prometheus-url", f"{prometheus}/x"), ("Code 404", "Use --prometheus-url")),
        (lambda *_: ("--prometheus-url", "http://127.0.0.1:1"), ("refused", "not sent: nobody could see")),
        (lambda *_: ("--scrape-interval", "0.5s"), ("a scrape every 0.5 s or more often", "one every 1 s")),
    ],
    ids=[
        *("port", "host is Prometheus", "Prometheus is host", "path", "no TLS", "namespace", "deployment"),
        *("path of Prometheus", "port of Prometheus", "interval"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_named(
    existing: dict[str, str], options: Callable[[str, str], tuple[str, ...]], words: tuple[str, ...]
) -> None:
    """Exit code 3, with what was expected, what was observed and what to do; and nothing is written."""
    given = options(existing["HOST"], existing["PROMETHEUS_URL"])
    assert_named(looked("--no-feedback", *given, **existing), 3, *words)


def test_what_is_lacking_at_a_guarded_ingress_is_named(existing: dict[str, str], tmp_path: Path) -> None:
    """A certificate that nobody vouches for, then a login, then a Host; with all of them it is well."""
    authority = Authority(tmp_path)
    context = server_context(authority.issue("127.0.0.1"))

    def refuses(headers: object) -> bool:
        return dict(headers).get("Authorization") != "Bearer gehe1m"  # type: ignore[call-overload,no-any-return]

    access = tmp_path / "access.toml"
    access.write_text('[ingress]\nbearer_token = { env = "TOKEN" }\n')
    options = ["--no-feedback", "--access", str(access), "--ca-file", str(authority.certificate)]
    with gateway(existing["HOST"], context, refuses) as server:
        guarded = existing | {"HOST": server.url, "TOKEN": "gehe1m"}
        assert_named(looked(*options, **guarded), 0, "5 ok")
        assert_named(looked("--no-feedback", **guarded), 3, "CERTIFICATE_VERIFY_FAILED", "--ca-file FILE")
        wrong = looked(*options, **(guarded | {"TOKEN": "0ther"}))
        assert_named(wrong, 3, "HTTP 401", "The login that --access gives is not accepted")
        access.write_text("")
        assert_named(looked(*options, **guarded), 3, "HTTP 401", "Give the ingress' login by --access FILE")
        plain = guarded | {"HOST": server.url.replace("https:", "http:")}
        assert_named(looked(*options, **plain), 3, "TLS on that port, not plain HTTP", "Use https://")
    assert "0ther" not in wrong.out + wrong.err
    with gateway(existing["PROMETHEUS_URL"], context, refuses) as server:
        guarded = existing | {"PROMETHEUS_URL": server.url, "TOKEN": "gehe1m"}
        assert_named(looked(*options, **guarded), 3, "HTTP Status Code 401", "its token, password or tenant header")
        access.write_text('[prometheus]\nbearer_token = { env = "TOKEN" }\n')
        assert_named(looked(*options, **guarded), 0, "5 ok")


def test_a_pod_that_is_scraped_twice_is_named(tmp_path: Path) -> None:
    with stack(tmp_path, "--pod-monitors", "2") as place:
        run = looked("--sdep", SINGLE, **place)
    assert_named(run, 3, "twice: by job=seldon/plumbline-seldon and by job=seldon/plumbline-seldon-1")


def test_the_notebooks_cells_are_named_by_a_single_feedback(tmp_path: Path) -> None:
    images = str(ROOT / "tests" / "faults" / "swapped_cells" / "images.toml")
    with stack(tmp_path, "--images", images) as place:
        run = looked("--sdep", SINGLE, **place)
    assert_named(run, 3, "one more row, by default, as true_neg", "false_pos +1", "under each other's names")


def test_metrics_of_other_names_are_named_with_the_nearest(tmp_path: Path) -> None:
    with stack(tmp_path, *served(tmp_path, "OtherNames", OTHER_NAMES)) as place:
        run = looked("--sdep", SINGLE, **place)
    assert_named(run, 3, "nearest on its targets: ", "true_positives", "false_positives")


def test_a_feedback_that_fails_is_named_with_its_reason(tmp_path: Path) -> None:
    with stack(tmp_path, *served(tmp_path, "Raises", RAISES)) as place:
        run = looked("--sdep", SINGLE, **place)
    assert_named(run, 3, "FAIL feedback", "expected 30 features, got 3", "ok prediction")


def test_the_metric_map_that_fits_is_named(existing: dict[str, str]) -> None:
    """Where another ready-made one is given, and its metrics are not there."""
    words = "confusion_total of default", "nearest on its targets: ", "Give --metrics plumbline: its metrics are there."
    assert_named(looked("--metrics", "confusion-matrix", **existing), 3, *words)


@pytest.mark.slow
def test_a_prometheus_that_scrapes_something_else_is_named(existing: dict[str, str], tmp_path: Path) -> None:
    """The deployment answers and counts, and nothing of it is in that Prometheus, however long one waits."""
    with stack(tmp_path) as other:
        run = looked(**(existing | {"PROMETHEUS_URL": other["PROMETHEUS_URL"]}))
    assert_named(
        run, 3, "them of deployment_name metrics-model only", "this Prometheus that scrapes it?", "ok feedback"
    )


def test_what_the_cluster_does_besides_is_noted(existing: dict[str, str], tmp_path: Path) -> None:
    """Retries of the ingress are read from the manifest; they are no fault by themselves."""
    text = (ROOT / "deploy" / "seldon" / "ab-test.yaml").read_text()
    manifest = tmp_path / "retries.yaml"
    manifest.write_text(text.replace("\nspec:\n", '\nspec:\n  annotations: {seldon.io/istio-retries: "3"}\n', 1))
    run = looked("--no-feedback", "--sdep", str(manifest), **existing)
    assert_named(run, 0, "note spec.annotations.seldon.io/istio-retries: the ingress sends a request again", "5 ok")


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    """Before anything is sent."""
    for options, words in (
        ((), "expected --host and --prometheus-url of a deployment that is up, got none"),
        (("--host", "http://h"), "got one of them"),
        (("--host", "http://u:p@h", "--prometheus-url", "http://p"), "expected a URL without a login"),
        (("--host", "http://h", "--prometheus-url", "http://p", "--sdep", "none.yaml"), "none.yaml"),
        (("--host", "http://h", "--prometheus-url", "http://p", "--scrape-interval", "often"), "--scrape-interval"),
        (("--bogus",), "unrecognized arguments"),
    ):
        run = looked(*options)
        assert (run.code, run.out, len(run.err.splitlines())) == (2, "", 1), str(run)
        assert words in run.err
