"""The way to the deployment: host, port, TLS, login, path and Host header, and which of them is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from analysis.record.ledger import Outcome
from locustfiles.doctor.observation import Observation
from locustfiles.http1.outcome import Exchange
from locustfiles.http1.target import Target, TargetError, target_of
from locustfiles.protocol.health import HEALTH, NO_TLS, Health, get, health_of, route
from locustfiles.protocol.reasons import reason_in
from model.installation import COMMAND

SUBJECT: Final = "ingress"
TIMEOUT_S: Final = 2.0
"""Of one probe: seven of them end before a user's patience does."""
BUILD: Final = "/api/v1/status/buildinfo"
LOGINS: Final = (401, 403, 407)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the deployment is said to be. ``url``: of its ingress, as given."""

    url: str
    target: Target
    namespace: str
    deployment: str

    @property
    def path(self) -> str:
        """Path of the health route."""
        return route(self.target, self.namespace, self.deployment, HEALTH)

    @property
    def health_url(self) -> str:
        """URL of the health route."""
        return self.url.removesuffix(self.target.path) + self.path


def look(place: Place, namespaces: Iterable[str] = ()) -> Observation:
    """Whether Seldon answers there. ``namespaces``: others in which the deployment may be."""
    health = health_of(place.target, place.namespace, place.deployment, TIMEOUT_S)
    if health.is_seldon:
        return Observation.well(SUBJECT, f"Seldon answers at {place.health_url} (HTTP {health.exchange.status})")
    if not health.is_answered:
        return _unreached(place, health.exchange)
    return _by_status(place, health.exchange) or _elsewhere(place, namespaces) or _other_server(place, health)


def _broken(place: Place, observed: str, advice: str) -> Observation:
    host = place.target.access.host
    expected = f"Seldon's health at {place.health_url}{f' with the Host {host}' if host else ''}"
    return Observation.broken(SUBJECT, expected=expected, observed=observed, advice=advice)


def _unreached(place: Place, exchange: Exchange) -> Observation:
    """No whole answer: what the connection says of the reason."""
    return _without_tls(place, exchange) if place.target.tls is None else _within_tls(place, exchange)


def _without_tls(place: Place, exchange: Exchange) -> Observation:
    fault, target = exchange.fault, place.target
    if exchange.reached and _speaks_tls(place):
        return _broken(place, "TLS on that port, not plain HTTP", f"Use https://{place.url.removeprefix('http://')}.")
    return _refused(place) if "refused" in fault else _broken(place, fault, _address_advice(target))


def _within_tls(place: Place, exchange: Exchange) -> Observation:
    fault = exchange.fault
    if any(reason in fault for reason in NO_TLS):
        plain = f"http://{place.url.removeprefix('https://')}"
        return _broken(place, "plain HTTP on that port, not TLS", f"Use {plain}.")
    if "CERTIFICATE_VERIFY_FAILED" in fault:
        return _broken(place, fault, _certificate_advice(place, fault))
    if "ALERT" in fault.upper() or exchange.reached:
        advice = "Does it want a certificate of ours? Name it by --access FILE: cert_file and key_file."
        return _broken(place, fault, advice)
    return _refused(place) if "refused" in fault else _broken(place, fault, _address_advice(place.target))


def _refused(place: Place) -> Observation:
    host, port = place.target.host, place.target.port
    advice = f"Is {port} the ingress' port, and is the ingress up (`{COMMAND} up` starts one here)?"
    return _broken(place, f"nobody listens at {host}:{port}", advice)


def _address_advice(target: Target) -> str:
    return f"Is {target.host}:{target.port} the ingress' address, and can it be reached from here?"


def _certificate_advice(place: Place, fault: str) -> str:
    if "not valid for" in fault:
        return f'Give a name that the certificate has: server_name = "NAME" in --access FILE; {place.url} is asked now.'
    return "Give the certificate of the authority that signed it: --ca-file FILE."


def _speaks_tls(place: Place) -> bool:
    """Whether the port answers a TLS handshake, even if its certificate is not ours to trust."""
    try:
        target = target_of(f"https://{place.url.removeprefix('http://')}", place.target.access)
    except TargetError:
        return False
    exchange = get(target, place.path, TIMEOUT_S)
    return exchange.status > 0 or "CERTIFICATE" in exchange.fault.upper()


def _by_status(place: Place, exchange: Exchange) -> Observation | None:
    """What the status alone says: a login, a redirect, a deployment that is not ready."""
    status, reason = exchange.status, reason_in(exchange.body)
    observed = f"HTTP {status}{f': {reason}' if reason else ''}"
    if status in LOGINS:
        given = any(name.lower() == "authorization" for name, _ in place.target.access.headers)
        advice = "The login that --access gives is not accepted: is it the ingress' own, and still valid?"
        if not given:
            advice = "Give the ingress' login by --access FILE: bearer_token, or username and password."
        return _broken(place, observed, advice)
    if 300 <= status < 400:
        return _broken(place, observed, "It sends us elsewhere: give that URL, or a login by --access FILE.")
    if status in {500, 502, 503, 504}:
        return _broken(place, observed, "The ingress knows it and it is not ready: wait for its pods, then look again.")
    return None


def _elsewhere(place: Place, namespaces: Iterable[str]) -> Observation | None:
    """The deployment is there, at a place that differs in one thing from the one that was given."""
    for advice, other in _variants(place, namespaces):
        if health_of(other.target, other.namespace, other.deployment, TIMEOUT_S).is_seldon:
            header = other.target.header
            host = "" if header == place.target.header else f" with the Host {header}"
            return _broken(place, f"it answers at {other.path}{host}", advice)
    return None


def _variants(place: Place, namespaces: Iterable[str]) -> Iterator[tuple[str, Place]]:
    target = place.target
    if target.path:
        yield f"Leave out the path {target.path} of --host.", replace(place, target=replace(target, path=""))
    if target.access.host:
        bare = replace(target, access=replace(target.access, host=""))
        yield f'Leave out host = "{target.access.host}" of --access.', replace(place, target=bare)
    for namespace in dict.fromkeys((*namespaces, "seldon", "default")):
        if namespace and namespace != place.namespace:
            yield f"Give --namespace {namespace}.", replace(place, namespace=namespace)


def _other_server(place: Place, health: Health) -> Observation:
    """Something answers that is not this deployment."""
    exchange, header = health.exchange, place.target.header
    text = reason_in(exchange.body)
    observed = f"HTTP {exchange.status} with {text!r}" if text else f"HTTP {exchange.status} with an empty body"
    if is_prometheus(place.target):
        return _broken(place, "a Prometheus", "Are --host and --prometheus-url changed over?")
    if exchange.outcome is Outcome.ACKNOWLEDGED:
        return _broken(place, f"another server: {observed}", "Is it the ingress' port?")
    advice = (
        f"No route fits: is {header} the Host that the gateway wants (host in --access FILE), are "
        f"{place.namespace} and {place.deployment} the namespace and name of what is deployed, and is it this ingress?"
    )
    return _broken(place, observed, advice)


def is_prometheus(target: Target) -> bool:
    """Whether a Prometheus answers there."""
    exchange = get(replace(target, path=""), BUILD, TIMEOUT_S)
    with suppress(ValueError, TypeError, LookupError):
        return "version" in json.loads(exchange.body)["data"]
    return False
