"""``python -m locustfiles.doctor``: one prediction, one feedback, a look at Prometheus, and what is wrong.

The options are those of a load test. The feedback is a write: the deployment counts it for good.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from analysis.access.access import AccessError
from analysis.access.access_file import read_access
from analysis.claims.selection import select
from analysis.collect.prometheus import PrometheusError
from analysis.verdict import Verdict, merge
from locustfiles.command.parser import FrontDoorParser, parser
from locustfiles.doctor import growth, ingress, requests, scraping, series
from locustfiles.doctor.growth import CountGrowth
from locustfiles.doctor.ingress import Place
from locustfiles.doctor.observation import Observation
from locustfiles.doctor.requests import Sent
from locustfiles.doctor.scraping import Scraping
from locustfiles.doctor.terminal import lines_of, summary
from locustfiles.http1.target import TargetError, target_of
from locustfiles.load.options import (
    OptionsError,
    forget_empty_variables,
    forget_foreign_variables,
    parse_duration,
)
from locustfiles.protocol.transport import DeploymentAddress, Transport, transport_of, unanswered
from locustfiles.run.setup import SHADOW, Setup, SetupError, check_logins, read_setup
from model.command_line import BAD_INPUT
from model.installation import COMMAND
from model.printable import printable

BINARY: Final = 2
EXIT_CODE: Final = {Verdict.PASS: 0, Verdict.FAIL: 3, Verdict.INCONCLUSIVE: 4}
EPILOG: Final = """\
examples:
  python -m locustfiles.doctor --host http://ingress.example --prometheus-url http://prometheus.example:9090
  python -m locustfiles.doctor --sdep your-sdep.yaml --artifacts folder/of/the/model --access access.toml ...

It says for each thing that is wrong what was expected, what was observed, and what to do.
exit codes: 0 all is well, 3 something is broken, 4 something could not be told, 2 bad arguments or input."""


class Doctor:
    """Looks at one deployment; each observation is printed as soon as it is made."""

    def __init__(self, setup: Setup, place: Place, *, feedback: bool, asked_interval_s: float) -> None:
        self.observations: list[Observation] = []
        self._setup = setup
        self._place = place
        self._feedback = feedback
        self._asked_interval_s = asked_interval_s
        card = setup.card
        self._selection = select(setup.metrics, card.classes, card.positive if len(card.classes) == BINARY else None)

    def look(self, prometheus_url: str) -> Verdict:
        """Look at everything; the worst verdict."""
        prometheus_access = read_access(self._setup.load.access, self._setup.load.ca_file).prometheus
        reached, stored = scraping.reach(prometheus_url, prometheus_access, self._place)
        transport = self._transport(stored)
        sent = Sent()
        if transport is not None:
            observation, sent = requests.predict(transport, self._setup)
            self._say(observation)
        self._say(reached)
        if stored is None:
            self._say(Observation.skipped("feedback", "not sent: nobody could see whether it is counted"))
        else:
            try:
                self._look_at_counts(stored, transport, sent)
            except PrometheusError as error:
                self._say(_stopped(error))
        if transport is not None:
            transport.client.close()
        return merge(observation.verdict for observation in self.observations)

    def _say(self, *observations: Observation | None) -> None:
        for observation in observations:
            if observation is not None:
                self.observations.append(observation)
                print(lines_of(observation), flush=True)

    def _transport(self, stored: Scraping | None) -> Transport | None:
        """The way to the deployment, if Seldon answers there."""
        setup, place = self._setup, self._place
        address = DeploymentAddress(place.url, place.namespace, place.deployment)
        if setup.load.transport == "grpc":
            answer = unanswered(address, setup.load)
            observation = _of_grpc(place, answer)
        else:
            observation = ingress.look(place, _namespaces(stored))
        self._say(observation)
        if observation.verdict is not Verdict.PASS:
            self._say(Observation.skipped("prediction", "not sent: first the ingress"))
            return None
        return transport_of(address, setup.load, setup.heldout)

    def _look_at_counts(self, stored: Scraping, transport: Transport | None, sent: Sent) -> None:
        """Targets, metrics, and what the feedback adds to them."""
        predictors = self._setup.deployment.predictors
        stored = replace(stored, ups=stored.current_ups())
        self._say(scraping.look_at_targets(stored, self._asked_interval_s))
        before = series.counts_of(stored, self._selection, predictors)
        if not self._feedback or transport is None:
            if transport is None:
                self._say(Observation.skipped("feedback", "not sent: first the ingress"))
            self._say(
                series.look_at_names(stored, self._setup.metrics, before, is_fed=False), series.look_for_doubles(before)
            )
            return
        stored.wait_for_scrape(time.time(), before.addresses, _progress)  # what an earlier request added is stored now
        before = series.counts_of(stored, self._selection, predictors)
        observation, sent = requests.give_feedback(transport, self._setup, sent)
        self._say(observation)
        after, is_scraped = self._after(stored, before, sent)
        is_fed = bool(sent.is_counted) and is_scraped
        names = series.look_at_names(stored, self._setup.metrics, after, is_fed=is_fed)
        doubles = series.look_for_doubles(after)
        self._say(names, doubles)
        if names.verdict is not Verdict.PASS:
            return
        if not is_fed:
            self._say(_not_scraped() if sent.is_counted else Observation.skipped("counted", "it was not acknowledged"))
        elif doubles is None:
            added = CountGrowth.of(before, after)
            self._say(*growth.look_at_growth(added, predictors, self._pair(sent)))

    def _after(self, stored: Scraping, before: series.Counts, sent: Sent) -> tuple[series.Counts, bool]:
        """The counts after a scrape since the feedback, and whether there was one; once more where something lacks."""
        predictors = self._setup.deployment.predictors
        if sent.is_counted and not stored.ups and not before.addresses:  # nothing says which target to wait for
            return series.wait_for_counts(stored, self._selection, predictors, _progress), True
        is_scraped, since_s = False, time.time()
        after = before
        for _ in range(2):
            is_scraped |= stored.wait_for_scrape(since_s, after.addresses, _progress)
            after = series.counts_of(stored, self._selection, predictors)
            if not sent.is_counted or not is_scraped or CountGrowth.of(before, after).is_complete(predictors):
                break
            since_s = time.time()
        return after, is_scraped or bool(after.all and CountGrowth.of(before, after).is_complete(predictors))

    def _pair(self, sent: Sent) -> int | None:
        """The pair of truth and answer of the row: known if a single primary answered."""
        if sent.predicted is None or len(self._setup.deployment.primaries) != 1:
            return None
        truth = int(self._setup.heldout.truth_index[requests.row_of(self._setup)])
        return truth * len(self._setup.card.classes) + sent.predicted


def _namespaces(stored: Scraping | None) -> list[str]:
    """Namespaces in which Prometheus knows a deployment of that name."""
    if stored is None:
        return []
    try:
        return scraping.namespaces_of(stored)
    except PrometheusError:
        return []


def _of_grpc(place: Place, answer: str) -> Observation:
    if not answer:
        return Observation.well(ingress.SUBJECT, f"Seldon answers by gRPC at {place.url}")
    return Observation.broken(
        ingress.SUBJECT,
        expected=f"Seldon's gRPC at {place.url} for {place.namespace}/{place.deployment}",
        observed=answer,
        advice="Is it an ingress that takes HTTP/2, is its login in --access FILE, and is the deployment up?",
    )


def _not_scraped() -> Observation:
    return Observation.unclear(
        "counted",
        expected="a scrape of each target after the feedback",
        observed="none in time",
        advice="Look again later, or with a shorter scrape interval.",
    )


def _stopped(error: PrometheusError) -> Observation:
    return Observation.unclear(
        "prometheus", expected="answers to all queries", observed=str(error), advice="Look again when it is at rest."
    )


def _progress(line: str) -> None:
    print(f"       {line}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Look at the deployment that the options name; the exit code."""
    forget_empty_variables()
    for line in forget_foreign_variables():
        print(f"plumbline: {printable(line)}", file=sys.stderr)
    options = _parser()
    parsed = options.parse_args(argv)
    began = time.monotonic()
    try:
        doctor = _doctor(parsed)
    except (AccessError, OptionsError, SetupError, TargetError) as error:
        print(f"plumbline: {printable(options.naming_variables(str(error)))}", file=sys.stderr)
        return BAD_INPUT
    verdict = doctor.look(parsed.prometheus_url)
    print(f"\n{summary(doctor.observations, time.monotonic() - began)}")
    return EXIT_CODE[verdict]


def _doctor(parsed: argparse.Namespace) -> Doctor:
    """A doctor for what the options name, after the line that says what will be sent."""
    check_logins(parsed.host, parsed.prometheus_url)
    if not parsed.host or not parsed.prometheus_url:
        number = "one of them" if parsed.host or parsed.prometheus_url else "none"
        raise SetupError(
            "choosing what to look at: expected --host and --prometheus-url of a deployment that is up, "
            f"got {number}. `{COMMAND} up` starts one here, and prints both."
        )
    try:
        asked_interval_s = parse_duration(parsed.scrape_interval)
    except OptionsError as error:
        raise SetupError(str(error).replace("--duration", "--scrape-interval")) from error
    setup = read_setup(parsed, SHADOW)
    access = read_access(setup.load.access, setup.load.ca_file).ingress
    deployment = setup.deployment
    place = Place(parsed.host.rstrip("/"), target_of(parsed.host, access), deployment.namespace, deployment.name)
    print(f"{deployment.name} in the namespace {deployment.namespace}, as {setup.manifest.name} describes it")
    if parsed.no_feedback:
        print("One prediction is sent, and no feedback.\n", flush=True)
    else:
        print("One prediction and one feedback are sent. The deployment counts the feedback for good;")
        print("--no-feedback leaves it out.\n", flush=True)
    for line in deployment.cluster_settings:
        print(f"  note {line}", flush=True)
    return Doctor(setup, place, feedback=not parsed.no_feedback, asked_interval_s=asked_interval_s)


def _parser() -> FrontDoorParser:
    """The front door's options, so that the words of a load test are the words of a look before it, and two more."""
    options = parser()
    options.prog, options.epilog = "python -m locustfiles.doctor", EPILOG
    options.description = "Look at a deployment before it is loaded: one prediction, one feedback, and Prometheus."
    group = options.add_argument_group("the look (it takes no notice of how the load is to be)")
    group.add_argument("--no-feedback", action="store_true", help="Send no feedback, which would be counted")
    text = "Longest time between two scrapes that is all right (now 30s)"
    group.add_argument("--scrape-interval", default="30s", metavar="X", help=text)
    return options


if __name__ == "__main__":
    sys.exit(main())
