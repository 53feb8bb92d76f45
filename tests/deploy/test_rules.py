"""The recording and alert rules: promtool runs their own tests, and those fail when a rule reads another cell."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deploy.local.config import binaries, plan, prometheus
from deploy.manifest import deployment
from model.contract import CELL_OF_METRIC
from model.installation import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES = FOLDER / "rules.yaml"


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [binaries.promtool(os.environ), *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def unit_tests(rules: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What `promtool test rules` says of our tests with these rules."""
    (folder / "rules.yaml").write_text(rules)
    shutil.copy(FOLDER / "rules_test.yaml", folder)
    return promtool("test", "rules", str(folder / "rules_test.yaml"))


def test_the_rules_are_rules() -> None:
    """``promtool check rules`` finds nothing wrong."""
    done = promtool("check", "rules", str(RULES))
    assert done.returncode == 0, done.stderr


def test_the_rules_pass_their_own_tests(tmp_path: Path) -> None:
    """Two workers, zero denominators, missing series, double scrapes: ``promtool test rules`` passes."""
    done = unit_tests(RULES.read_text(), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = {
    "another cell": ("(true_neg{", "(false_neg{"),
    "predictions too": ('(true_pos{method="feedback"})', "(true_pos)"),
    "a zero denominator": ("(deployment_predictor:feedback:sum > 0)", "deployment_predictor:feedback:sum"),
    "the other denominator": (
        "(deployment_predictor:true_pos:sum + deployment_predictor:false_neg:sum > 0)",
        "(deployment_predictor:true_pos:sum + deployment_predictor:false_pos:sum > 0)",
    ),
    "too little evidence": (
        "precision:ratio < 0.8 and deployment_predictor:feedback:sum >= 100",
        "precision:ratio < 0.8 and deployment_predictor:feedback:sum >= 10",
    ),
    "no sum over workers": (
        'sum by (deployment_name, predictor_name) (false_pos{method="feedback"})',
        'max by (deployment_name, predictor_name) (false_pos{method="feedback"})',
    ),
    "a cell not missed": (
        "\n      unless deployment_predictor:feedback:sum",
        "\n      and deployment_predictor:feedback:sum",
    ),
    "a second scrape not seen": ('(true_pos{method="feedback"}) > 1', '(true_pos{method="feedback"}) > 2'),
    "a reset not seen": (
        "resets(deployment_predictor:feedback:sum[5m])",
        "resets(deployment_predictor:feedback:sum[1s])",
    ),
    "one reason of loss left out": ("\n      increase(envoy_cluster_upstream_rq_pending_overflow[1m])\n      +", ""),
    "every target": ('up{endpoint="metrics", seldon_deployment_id!=""}', "up"),
}
"""Edits of the rules, each of which their tests must see."""


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_rule_fails_the_tests(case: str, tmp_path: Path) -> None:
    """The twin: with one rule altered, ``promtool test rules`` fails."""
    right, wrong = WRONG[case]
    text = RULES.read_text()
    assert right in text
    done = unit_tests(text.replace(right, wrong), tmp_path)
    assert done.returncode != 0
    assert "exp:" in done.stderr  # it ran, and found another value than was expected


def test_every_name_in_the_rules_is_published_by_somebody() -> None:
    """Names are the contract's, recorded here, or Prometheus's and Envoy's own."""
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    recorded = {rule["record"] for rule in rules if "record" in rule}
    used = {name for rule in rules for name in re.findall(r"[a-z_]+:[a-z_]+:[a-z]+|\b\w+(?=[{\[])", rule["expr"])}
    known = recorded | set(CELL_OF_METRIC) | {"up"}
    assert {name for name in used - known if not name.startswith("envoy_cluster_upstream_rq_")} == set()
    assert set(CELL_OF_METRIC) <= used


def test_prometheus_accepts_the_stacks_configuration_with_the_rules(tmp_path: Path) -> None:
    """``promtool check config`` takes what the stack writes; with a wrong field it does not."""
    parsed = deployment.read(ROOT / "deploy" / "seldon" / "ab-test.yaml")
    replicas = plan.replicas(parsed, iter(range(20_000, 20_010)))
    config = prometheus.config(prometheus.targets(parsed, replicas), 9901, "1s", [RULES])
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    assert promtool("check", "config", str(path)).returncode == 0
    path.write_text(yaml.safe_dump(config | {"rules": []}))
    assert "field rules not found" in promtool("check", "config", str(path)).stderr


def test_the_job_is_named_as_the_pod_monitor_of_the_cluster() -> None:
    """A target's ``job`` is the PodMonitor's namespace and name, here as on a cluster."""
    monitor = yaml.safe_load((ROOT / "deploy" / "kubernetes" / "base" / "podmonitor.yaml").read_text())
    assert monitor["metadata"]["name"] == plan.POD_MONITOR
    parsed = deployment.read(ROOT / "deploy" / "seldon" / "ab-test.yaml")
    labels = prometheus.targets(parsed, plan.replicas(parsed, iter(range(6))))[0]["labels"]
    added = {label.replace("-", "_") for label in monitor["spec"]["podTargetLabels"]}
    assert added == {label for label in labels if label.startswith("seldon_")}
