"""The keys that a SeldonDeployment may have, and their types; any other key is refused by name.

The CRD has no enums and silently removes unknown keys, so ``shadows: true`` is accepted by a cluster and does nothing.
Keys are those of the v1 CRD and, inside a pod, of Kubernetes 1.32.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Document = Mapping[str, Any]


class FieldError(Exception):
    """One line that begins with the path of the field which is wrong."""

    def __init__(self, where: str, problem: str) -> None:
        text = f"{where}: {problem}"
        super().__init__(
            "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)
        )  # a key may hold anything


def words(spaced: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(spaced.split())


TOP: Final = frozenset({"apiVersion", "kind", "metadata", "spec", "status"})
METADATA: Final = words(
    "name generateName namespace labels annotations creationTimestamp finalizers generation managedFields "
    "ownerReferences resourceVersion selfLink uid deletionTimestamp deletionGracePeriodSeconds clusterName"
)
SPEC: Final = words("name predictors annotations oauth_key oauth_secret protocol transport replicas serverType")
PREDICTOR: Final = words(
    "name graph componentSpecs replicas annotations labels shadow traffic svcOrchSpec explainer ssl engineResources "
    "progressDeadlineSeconds"
)
GRAPH: Final = words(
    "name type implementation methods endpoint parameters children modelUri serviceAccountName envSecretRefName "
    "storageInitializerImage logger"
)
ENDPOINT: Final = words("service_host service_port type httpPort grpcPort")
PARAMETER: Final = words("name value type")
LOGGER: Final = words("url mode")
COMPONENT: Final = words("metadata spec hpaSpec kedaSpec pdbSpec replicas")
POD: Final = words(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks "
    "ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname imagePullSecrets initContainers "
    "nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates resourceClaims "
    "resources restartPolicy runtimeClassName schedulerName schedulingGates securityContext serviceAccount "
    "serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations "
    "topologySpreadConstraints volumes"
)
CONTAINER: Final = words(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy "
    "resources restartPolicy securityContext startupProbe stdin stdinOnce terminationMessagePath "
    "terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
ENV: Final = words("name value valueFrom")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean X?`` for the nearest known word, else the known ones in order."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.6)
    if near:
        return f"Did you mean {next(name for name in names if name.lower() == near[0])}?"
    return f"Known are {', '.join(names)}."


def mapping(value: object, where: str) -> Document:
    """``value``, when it is a mapping with text keys; an absent one (null) is empty."""
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise FieldError(where, f"expected a mapping, got {as_yaml(value)}")
    return value


def known(value: object, keys: frozenset[str], where: str) -> Document:
    """``value`` as a mapping with no key but those in ``keys``."""
    fields = mapping(value, where)
    for key in fields:
        if key not in keys:
            raise FieldError(f"{where}.{key}" if where else key, f"no such key. {did_you_mean(key, keys)}")
    return fields


def items(value: object, where: str) -> Iterator[tuple[str, object]]:
    """Path and value of each item of a list; an absent list (null) has none."""
    if value is None:
        return
    if not isinstance(value, list):
        raise FieldError(where, f"expected a list, got {as_yaml(value)}")
    for index, item in enumerate(value):
        yield f"{where}[{index}]", item


def text(value: object, where: str, default: str | None = None) -> str:
    """``value``, when it is text. A number or a truth value that YAML made of it is refused, as a cluster does."""
    if value is None and default is not None:
        return default
    if isinstance(value, str):
        return value
    raise FieldError(where, f"expected text, got {as_yaml(value)}." + (" Quote it." if value is not None else ""))


def integer(value: object, where: str, default: int) -> int:
    """``value``, when it is a whole number."""
    if value is None:
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise FieldError(where, f"expected a whole number, got {as_yaml(value)}")


def truth(value: object, where: str) -> bool:
    """``value``, when it is true or false; absent is false."""
    if value is None or isinstance(value, bool):
        return bool(value)
    raise FieldError(where, f"expected true or false, got {as_yaml(value)}")


def one_of(value: object, choices: Iterable[str], where: str, default: str) -> str:
    """``value``, when it is one of ``choices``; absent is ``default``."""
    name = text(value, where, default)
    if name not in choices:
        raise FieldError(where, f"expected one of {', '.join(sorted(choices))}, got {as_yaml(name)}. "
                         f"{did_you_mean(name, choices)}")  # fmt: skip
    return name


def strings(value: object, where: str) -> dict[str, str]:
    """``value`` as a mapping of text to text: labels, annotations."""
    return {key: text(item, f"{where}.{key}") for key, item in mapping(value, where).items()}


def as_yaml(value: object) -> str:
    """``value`` as YAML would spell it, cut short."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    spelt = repr(value)
    return spelt if len(spelt) <= 60 else spelt[:57] + "..."
