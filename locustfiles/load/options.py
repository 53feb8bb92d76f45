"""The options of a load test: Locust's parser learns them, and `load_of` checks them.

Each can also be set by an environment variable (`variable_of`), as Locust's own options can. The web page returns
whatever was typed, so every value is checked again when a test starts.
"""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from model.installation import example_artifacts

ROOT: Final = Path(__file__).resolve().parents[2]
VARIABLES: Final = (
    "SDEP",
    "DURATION",
    "USERS",
    "RATE",
    "SEED",
    "HOST",
    "PROMETHEUS_URL",
    "NAMESPACE",
    "RUN",
    "IMAGES",
)
"""Options that have a variable of their own name, those of `make loadtest`."""
PREFIX: Final = "PLUMBLINE_"
TransportName = Literal["rest", "grpc"]
Payload = Literal["ndarray", "tensor"]
Truth = Literal["label", "onehot"]
NO_CALIBRATION: Final = "--no-calibration"
NO_CALIBRATION_TEXT: Final = "Open loop: do not measure beforehand what the generator itself can do"
NO_JUDGE: Final = "--no-judge"
NO_JUDGE_TEXT: Final = "Send and record the load only, without baseline or verdict (exit code 4)"
DEFAULT_METRICS: Final = "plumbline"
"""The metric map of the names that the project's own served class publishes."""
REWARDS: Final = ("correct", "none")
ARRIVALS: Final = ("constant", "poisson")


_DURATION: Final = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?")


class OptionsError(ValueError):
    """An option has a wrong value; one line says what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """The checked options of the load. ``rate_per_s``: requests per second over all workers.

    0 is the closed loop of users, unless ``trace`` (a file) or ``shape`` (see `load.shapes`) gives the schedule.
    """

    rate_per_s: float
    arrivals: str
    trace: str
    shape: str
    max_in_flight: int
    seed: int
    predict_ratio: float
    feedback_ratio: float
    feedback_delay_s: float
    think_time_s: float
    reward: str
    timeout_s: float
    transport: TransportName
    payload: Payload
    batch: int
    ca_file: str
    access: str = ""
    truth: Truth = "label"

    @property
    def open(self) -> bool:
        """Whether arrivals come from a schedule, not from users."""
        return bool(self.rate_per_s or self.trace or self.shape)

    def as_dict(self) -> dict[str, Any]:
        """The options by name, for ``run.json``."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Option:
    flag: str
    default: Any
    convert: Callable[[str], Any]
    text: str
    choices: tuple[str, ...] | None = None


OPTIONS: Final = (
    _Option("--sdep", "", str, "SeldonDeployment manifest that describes what is under test"),
    _Option("--prometheus-url", "", str, "Prometheus that scrapes the deployment, as http://127.0.0.1:9090"),
    _Option("--namespace", "", str, "Namespace of the deployment (default: the manifest's, else seldon)"),
    _Option("--run", "", str, "Run folder to make (default: runs/<time>-<deployment>)"),
    _Option("--heldout", "", str, "Held-out rows (default: heldout.parquet beside the artefacts)"),
    _Option("--artifacts", str(example_artifacts()), str, "Folder with the artefacts and their cards"),
    _Option("--metrics", DEFAULT_METRICS, str, "Which series claim what: a ready-made metric map, or a TOML file"),
    _Option(
        "--model", "", str, "Which artefact or file of answers stands for a predictor: PREDICTOR=NAME, joined by ,"
    ),
    _Option("--expected", "", str, "Expected answers, as a .parquet or .csv file: then no model is loaded"),
    _Option("--rate", 0.0, float, "Open loop: requests per second over the whole test; 0 is the closed loop of users"),
    _Option("--arrivals", "constant", str, "Open loop: how arrivals are spaced", ARRIVALS),
    _Option("--trace", "", str, "Open loop: file with the seconds at which visits are due, one on each line"),
    _Option("--shape", "", str, "Open loop: rates that change, as ramp:10/s..200/s:60s,hold:200/s:30s"),
    _Option("--max-in-flight", 1000, int, "Open loop: visits under way at once; an arrival past it is dropped"),
    _Option("--seed", 0, int, "Seed of the row order, of the ratios' choices and of Poisson arrivals"),
    _Option("--predict-ratio", 1.0, float, "Share (0..1) of visited rows that are asked for a prediction"),
    _Option("--feedback-ratio", 1.0, float, "Share (0..1) of visited rows whose truth is sent"),
    _Option("--feedback-delay", 0.0, float, "Seconds between a prediction's answer and its feedback"),
    _Option("--think-time", 0.0, float, "Closed loop: seconds that a user rests after each visit"),
    _Option("--reward", "none", str, "Reward sent with feedback: none, or 1 for a correct prediction, else 0", REWARDS),
    _Option("--timeout", 5.0, float, "Seconds for one whole request, connecting included"),
    _Option("--transport", "rest", str, "How requests travel: Seldon's REST, or its gRPC", get_args(TransportName)),
    _Option("--payload", "ndarray", str, "Form of the numbers in a body", get_args(Payload)),
    _Option("--truth", "label", str, "Form of the truth in feedback: the label, or one-hot", get_args(Truth)),
    _Option("--batch", 1, int, "Rows in each request"),
    _Option("--ca-file", "", str, "Certificates of the authorities to trust, for an https host and Prometheus"),
    _Option("--access", "", str, "File that names headers, logins and certificates for the ingress and Prometheus"),
)
BY_DEST: Final = {option.flag[2:].replace("-", "_"): option for option in OPTIONS}


IMAGES_ENV: Final = "PLUMBLINE_IMAGES"
"""By which the front door tells the load which image map its stack has, so that run.json can say so."""
OWN_STACK_ENV: Final = "PLUMBLINE_OWN_STACK"
"""Set by the front door if HOST is that of the stack which it starts."""


def variable_of(flag: str) -> str:
    """Environment variable that sets an option: its name in capitals, with our prefix unless it is one of `VARIABLES`.

    Another program's ``TIMEOUT`` or ``TRACE`` must not change a load test.
    """
    name = flag[2:].replace("-", "_").upper()
    return name if name in VARIABLES else PREFIX + name


def forget_foreign_variables() -> list[str]:
    """Remove from the environment what others set and Locust or we would take for an option; a line for each.

    ``LOCUST_HOST`` would send the load at another host than the stack that was started for it, ``LOCUST_MODE_MASTER``
    would wait for workers, and conda sets ``HOST`` to the name of a platform.
    """
    ignored = sorted(name for name in os.environ if name.startswith("LOCUST_"))
    lines = [f"{', '.join(ignored)} in the environment: ignored, because Locust is told everything"] if ignored else []
    for name in ignored:
        del os.environ[name]
    host = os.environ.get("HOST", "")
    if host and "://" not in host:
        lines.append(f"HOST={host} in the environment: ignored, because it is no URL, as http://127.0.0.1:8003")
        del os.environ["HOST"]
    return lines


def forget_empty_variables() -> None:
    """Remove our variables that are empty from the environment: ``RATE= make loadtest`` means that it is not set."""
    for name in VARIABLES:
        if os.environ.get(name) == "":
            del os.environ[name]


def add_options(parser: Any) -> None:
    """Add our options to Locust's parser (or to one of argparse)."""
    forget_empty_variables()
    for option in OPTIONS:
        parser.add_argument(
            option.flag,
            type=option.convert,
            default=option.default,
            choices=option.choices,
            help=option.text,
            env_var=variable_of(option.flag),
        )
    for flag, text in ((NO_CALIBRATION, NO_CALIBRATION_TEXT), (NO_JUDGE, NO_JUDGE_TEXT)):
        parser.add_argument(flag, action="store_true", help=text, env_var=variable_of(flag))


def plain_number(value: float) -> str:
    """The number without an exponent (below 10^15) and, if it is whole, without a point."""
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def parse_duration(text: str) -> float:
    """Seconds in ``45``, ``30s``, ``5m`` or ``1h30m``.

    Raises `OptionsError` for anything else, also for an empty text.
    """
    match = _DURATION.fullmatch(text.strip())
    seconds = (
        sum(float(value) * unit for value, unit in zip(match.groups(), (3600, 60, 1), strict=True) if value)
        if match
        else 0
    )
    if not 0 < seconds <= 30 * 86400:
        raise OptionsError(f"reading --duration: expected a time as 45, 30s, 5m or 1h30m, got {text!r}.")
    return seconds


def parse_run_time(text: str) -> float:
    """As `parse_duration`, in whole seconds: Locust takes no others for a test's run time."""
    seconds = parse_duration(text)
    if not seconds.is_integer():
        raise OptionsError(f"reading --duration: expected whole seconds, got {text!r}.")
    return seconds


def load_of(parsed: argparse.Namespace) -> LoadOptions:
    """The load that the parsed options ask for; raises `OptionsError`."""
    get = _getter(parsed)
    load = LoadOptions(
        rate_per_s=get("rate"),
        arrivals=get("arrivals"),
        trace=get("trace"),
        shape=get("shape"),
        max_in_flight=get("max_in_flight"),
        seed=get("seed"),
        predict_ratio=get("predict_ratio"),
        feedback_ratio=get("feedback_ratio"),
        feedback_delay_s=get("feedback_delay"),
        think_time_s=get("think_time"),
        reward=get("reward"),
        timeout_s=get("timeout"),
        transport=get("transport"),
        payload=get("payload"),
        batch=get("batch"),
        ca_file=get("ca_file"),
        access=get("access"),
        truth=get("truth"),
    )
    _check(load)
    return load


def _getter(parsed: argparse.Namespace) -> Callable[[str], Any]:
    def get(dest: str) -> Any:
        option = BY_DEST[dest]
        value = getattr(parsed, dest, option.default)
        try:
            value = option.convert(value if value is not None else option.default)
        except (TypeError, ValueError) as error:
            raise OptionsError(f"reading {option.flag}: expected {option.convert.__name__}, got {value!r}.") from error
        if option.choices and value not in option.choices:
            raise OptionsError(f"reading {option.flag}: expected one of {', '.join(option.choices)}, got {value!r}.")
        return value

    return get


def _check(load: LoadOptions) -> None:
    for flag, value, low, high in (
        ("--rate", load.rate_per_s, 0, 1_000_000),
        ("--predict-ratio", load.predict_ratio, 0, 1),
        ("--feedback-ratio", load.feedback_ratio, 0, 1),
        ("--feedback-delay", load.feedback_delay_s, 0, 3600),
        ("--think-time", load.think_time_s, 0, 3600),
        ("--timeout", load.timeout_s, 0.001, 3600),
        ("--seed", load.seed, 0, 2**63 - 1),
        ("--max-in-flight", load.max_in_flight, 1, 100_000),
        ("--batch", load.batch, 1, 10_000),
    ):
        if not math.isfinite(value) or not low <= value <= high:
            raise OptionsError(f"reading {flag}: expected {low} to {high}, got {plain_number(value)}.")
    if not load.predict_ratio and not load.feedback_ratio:
        raise OptionsError("reading --predict-ratio and --feedback-ratio: expected one above 0, got 0 and 0.")


def named_files(parsed: argparse.Namespace) -> dict[str, str]:
    """Absolute path of each file and folder besides the manifest that the user named, by option.

    A ready-made metric map has no path: it is named as it was.
    """
    given = {
        name: getattr(parsed, name) for name in ("artifacts", "heldout", "expected", "metrics", "access", "ca_file")
    } | {"images": os.environ.get(IMAGES_ENV, "")}
    named = {name: path for name, path in given.items() if path and path != getattr(BY_DEST.get(name), "default", "")}
    return {
        name: str(Path(path).resolve()) if name != "metrics" or path.endswith(".toml") else path
        for name, path in named.items()
    }
