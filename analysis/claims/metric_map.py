"""Metric maps: which series make which claims. TOML, ready-made by name or a file of the user's.

[match]                              # labels that every series of the map has
deployment_name = "{deployment}"
predictor_name = "{predictor}"

[[series]]
metric = "credit_outcome_total"
match = { outcome = "tp" }           # labels that tell this claim from another of the same metric
counts = "tp"
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from analysis.claims.series_rule import Counts, Events, SeriesRule, overlapping

DEPLOYMENT: Final = "{deployment}"
PREDICTOR: Final = "{predictor}"
FOLDER: Final = Path(__file__).parent / "maps"
DEFAULT: Final = "plumbline"
_METRIC: Final = re.compile("[a-zA-Z_:][a-zA-Z0-9_:]*")
LARGEST: Final = 1 << 20
"""Bytes of a map, at most."""


class MetricMapError(Exception):
    """A metric map is missing or wrong; one line says what was expected, what was found, and what to do."""


@dataclass(frozen=True, slots=True)
class MetricMap:
    """Which series make which claims.

    ``match``: labels of every series, ``{deployment}`` and ``{predictor}`` in their values stand for the names.
    ``rows``: whether every row of a feedback request is counted, or only its first. ``worker``: the label that tells
    apart the processes of a target, each of which has one series of a claim; empty if no such label is known. ``note``:
    what a reader of dashboards over these series should know. ``text``: the TOML that it was read from.
    """

    name: str
    match: Mapping[str, str]
    rules: tuple[SeriesRule, ...]
    rows: Literal["every", "first"] = "every"
    worker: str = ""
    note: str = ""
    text: str = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Names of the accounts, in the order of the file. The first that a predictor publishes is judged."""
        return tuple(dict.fromkeys(rule.account for rule in self.rules))

    @property
    def metrics(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(rule.metric for rule in self.rules))

    @property
    def predictor_label(self) -> str | None:
        return next((label for label, value in self.match.items() if value == PREDICTOR), None)

    @property
    def deployment_label(self) -> str | None:
        return next((label for label, value in self.match.items() if value == DEPLOYMENT), None)

    @property
    def fixed(self) -> dict[str, str]:
        """The labels whose values do not depend on the run."""
        return {label: value for label, value in self.match.items() if value not in {DEPLOYMENT, PREDICTOR}}

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def ready_made() -> tuple[str, ...]:
    """Names of the maps that come with the project."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def load(name: str) -> MetricMap:
    """The map of that name, or in that file. Raises `MetricMapError`."""
    path = FOLDER / f"{name}.toml" if name in ready_made() else Path(name)
    if path.suffix != ".toml":
        meant = _meant(name, ready_made())
        raise MetricMapError(
            f"metrics: expected a file NAME.toml or one of {', '.join(ready_made())}, found {name!r}.{meant}"
        )
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise MetricMapError(f"metrics: {path} cannot be read: {error.strerror}.") from error
    if len(content) > LARGEST:
        raise MetricMapError(f"metrics: {path} is larger than {LARGEST} bytes, which no metric map is.")
    try:
        return parse(content.decode(), path.stem)
    except UnicodeDecodeError as error:
        raise MetricMapError(f"metrics: {path} is not UTF-8: {error.reason}.") from error
    except MetricMapError as error:
        raise MetricMapError(f"{error} ({path})") from error


def of_run(recorded: Mapping[str, str]) -> MetricMap:
    """The map that ``run.json`` records: its ``name`` and its ``text``; nothing is recorded of `DEFAULT`.

    Raises `MetricMapError`.
    """
    if not recorded:
        return load(DEFAULT)
    if set(recorded) != {"name", "text"}:
        raise MetricMapError(f"metrics: expected name and text in run.json, found {', '.join(sorted(recorded))}.")
    return parse(recorded["text"], recorded["name"])


def recorded(chosen: MetricMap) -> dict[str, str]:
    """What ``run.json`` records of a map."""
    return {} if chosen.name == DEFAULT and chosen == load(DEFAULT) else {"name": chosen.name, "text": chosen.text}


def parse(text: str, name: str) -> MetricMap:
    """The map that a TOML text describes. Raises `MetricMapError`."""
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MetricMapError(f"metrics: the map is not TOML: {error or 'too deep'}.") from error
    _only(content, ("match", "rows", "worker", "note", "series"), "the map")
    tables = content.get("series")
    if not isinstance(tables, list) or not tables:
        raise MetricMapError("metrics: expected at least one [[series]] table, found none.")
    rows = content.get("rows", "every")
    if rows not in {"every", "first"}:
        raise MetricMapError(f'metrics: expected rows = "every" or "first", found {rows!r}.')
    rules = tuple(_rule(table, f"series {number}") for number, table in enumerate(tables, 1))
    _check_accounts(rules)
    match = _labels(content, "match", "the map")
    _check_names(match)
    return MetricMap(
        name=name,
        match=match,
        rules=rules,
        rows=rows,
        worker=_text(content, "worker", "the map"),
        note=_text(content, "note", "the map"),
        text=text,
    )


def _rule(table: Any, where: str) -> SeriesRule:
    if not isinstance(table, dict):
        raise MetricMapError(f"metrics: expected a table as {where}, found {table!r}.")
    _only(table, ("metric", "counts", "match", "class", "truth", "predicted", "form", "account", "events"), where)
    metric, counts = _text(table, "metric", where), _text(table, "counts", where)
    if not metric:
        raise MetricMapError(f"metrics: expected the name of a metric in {where}, found none.")
    if not _METRIC.fullmatch(metric):
        raise MetricMapError(
            f"metrics: expected the name of a metric in {where}, of letters, digits, '_' and ':', found {metric!r}. "
            "Labels belong in match."
        )
    if counts not in get_args(Counts):
        raise MetricMapError(
            f"metrics: expected counts = one of {', '.join(get_args(Counts))} in {where} ({metric}), found {counts!r}."
        )
    rule = SeriesRule(
        metric=metric,
        counts=cast("Counts", counts),
        match=_labels(table, "match", where),
        of_class=_text(table, "class", where),
        truth=_text(table, "truth", where),
        predicted=_text(table, "predicted", where),
        form=_text(table, "form", where) or "{}",
        account=_text(table, "account", where),
        events=cast("Events", _text(table, "events", where) or "feedback"),
    )
    _check_labels(rule, where)
    return rule


def _check_accounts(rules: Sequence[SeriesRule]) -> None:
    """Raises `MetricMapError` unless the rules of an account count the same events, each series in one way.

    And unless the first counts feedback.
    """
    for rule in rules:
        if rule.events not in get_args(Events):
            allowed = ", ".join(get_args(Events))
            raise MetricMapError(
                f"metrics: expected events = one of {allowed} for {rule.metric}, found {rule.events!r}."
            )
        first = next(other for other in rules if other.account == rule.account)
        if rule.events != first.events:
            raise MetricMapError(
                f"metrics: {first.metric} counts {first.events} and {rule.metric} counts {rule.events}, in one "
                f"account {rule.account!r}. Give one of them another account."
            )
    both = overlapping(rules)
    if both is not None:
        first, second = both
        raise MetricMapError(
            f"metrics: {first.metric} counts {first.counts} of {first.events} and {second.counts} of {second.events}, "
            "and a series of it may be either. Give each of them a label in match that the other has with another "
            "value, or take one away."
        )
    if rules[0].events != "feedback":
        raise MetricMapError(
            f"metrics: expected the first [[series]] to count feedback, found {rules[0].metric}, which counts "
            "predictions: precision and recall are of feedback."
        )


def _check_names(match: Mapping[str, str]) -> None:
    """Raises `MetricMapError` for a name in braces that stands for nothing."""
    for label, value in match.items():
        if "{" in value.replace(DEPLOYMENT, "").replace(PREDICTOR, ""):
            raise MetricMapError(
                f"metrics: expected {DEPLOYMENT}, {PREDICTOR} or a value as it is published in {label} of match, "
                f"found {value!r}.{_meant(value, (DEPLOYMENT, PREDICTOR))}"
            )


def _check_labels(rule: SeriesRule, where: str) -> None:
    """Raises `MetricMapError` unless the rule says where the classes stand that its claim is of, and no others."""
    needs_pair, has_pair = rule.counts == "pair", bool(rule.truth and rule.predicted)
    if needs_pair != has_pair or bool(rule.truth) != bool(rule.predicted):
        raise MetricMapError(
            f"metrics: expected the labels truth and predicted in {where} exactly if it counts pairs; "
            f"{rule.metric} counts {rule.counts}."
        )
    if rule.counts in {"truth", "predicted"} and not rule.of_class:
        raise MetricMapError(f"metrics: expected class = the label that holds the class in {where} ({rule.metric}).")
    if rule.of_class and rule.counts in {"pair", "correct", "wrong", "all"}:
        raise MetricMapError(f"metrics: {where} ({rule.metric}) counts {rule.counts}, which is of no single class.")
    if "{}" not in rule.form:
        raise MetricMapError(f'metrics: expected form with "{{}}" for the class in {where}, found {rule.form!r}.')


def _meant(word: str, known: Sequence[str]) -> str:
    """A question for the known word that is most like it, or nothing."""
    import difflib  # noqa: PLC0415  (needed only where something is wrong)

    near = difflib.get_close_matches(word, known, 1)
    return f" Did you mean {near[0]}?" if near else ""


def _only(table: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        meant = _meant(unknown[0], allowed) or f" It may have {', '.join(allowed)}."
        raise MetricMapError(f"metrics: {where} has a key {unknown[0]!r} that no map has.{meant}")


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise MetricMapError(f"metrics: expected a text as {key} of {where}, found {value!r}.")
    return value


def _labels(table: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    labels = table.get(key, {})
    if not isinstance(labels, dict) or not all(isinstance(value, str) for value in labels.values()):
        raise MetricMapError(f'metrics: expected label = "value" pairs as {key} of {where}, found {labels!r}.')
    return dict(labels)
