"""What the stack is to be, as values: environments, routes, targets. No server is started."""

from __future__ import annotations

import json
import resource
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.config import binaries, envoy, images, plan, prometheus
from deploy.local.config.images import StartCommand
from deploy.local.config.ports import Ports
from deploy.local.errors import StackError
from deploy.manifest import deployment as manifest
from deploy.manifest.deployment import Deployment
from model.installation import ROOT

TOY = Path(__file__).parent.parent / "toy"
INGRESS = envoy.Ingress(8003, 9901)


def deployment(name: str) -> Deployment:
    return manifest.read(TOY / f"{name}.yaml")


def ports() -> Iterator[int]:
    return iter(count(20_000))


def config_of(parsed: Deployment, ingress: envoy.Ingress = INGRESS) -> dict[str, Any]:
    return envoy.config(parsed, plan.replicas(parsed, ports()), ingress)


def routes(config: dict[str, Any]) -> list[dict[str, Any]]:
    filters = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"]
    routes: list[dict[str, Any]] = filters[0]["typed_config"]["route_config"]["virtual_hosts"][0]["routes"]
    return routes


def test_a_replica_has_exactly_the_variables_that_seldons_operator_sets() -> None:
    """Names and values of ``createContainerService``; JSON without spaces, labels sorted, as Go writes it."""
    parsed = deployment("mirrored")
    assert plan.operator_env(parsed, plan.replicas(parsed, ports())[1]) == {
        "PREDICTIVE_UNIT_SERVICE_PORT": "20003",
        "PREDICTIVE_UNIT_HTTP_SERVICE_PORT": "20003",
        "PREDICTIVE_UNIT_GRPC_SERVICE_PORT": "20004",
        "PREDICTIVE_UNIT_METRICS_SERVICE_PORT": "20005",
        "PREDICTIVE_UNIT_METRICS_ENDPOINT": "/prometheus",
        "PREDICTIVE_UNIT_ID": "main-toy",
        "PREDICTIVE_UNIT_IMAGE": "toy:0.1",
        "PREDICTIVE_UNIT_PARAMETERS": '[{"name":"model_name","value":"any","type":"STRING"}]',
        "PREDICTOR_ID": "main",
        "PREDICTOR_LABELS": '{"team":"a b","version":"main"}',
        "SELDON_DEPLOYMENT_ID": "mirrored",
        "SELDON_EXECUTOR_ENABLED": "true",
    }


def test_later_sources_of_a_variable_win_and_the_hosts_own_settings_stay_out() -> None:
    """Inherited, image, manifest, operator, command line; and nothing that the wrapper reads is inherited."""
    parsed = deployment("mirrored")
    start = StartCommand(("python",), TOY, {"GREETING": "image", "FROM_IMAGE": "1", "GUNICORN_WORKERS": "2"})
    inherited = {"PATH": "/bin", "FROM_IMAGE": "0", "GUNICORN_THREADS": "8", "PREDICTOR_ID": "x", "FLASK_DEBUG": "1"}
    process = plan.microservice(parsed, plan.replicas(parsed, ports())[0], start, inherited, {"GUNICORN_WORKERS": "4"})
    chosen = ("PATH", "FROM_IMAGE", "GREETING", "LONG", "PREDICTOR_ID", "GUNICORN_WORKERS")
    assert [process.env[name] for name in chosen] == ["/bin", "1", "hello", "hello $", "main", "4"]
    assert not {"GUNICORN_THREADS", "FLASK_DEBUG"} & set(process.env)


def test_parameters_in_a_containers_own_environment_are_kept() -> None:
    """The operator sets PREDICTIVE_UNIT_PARAMETERS only where the manifest does not, and its other variables always."""
    text = (TOY / "mirrored.yaml").read_text()
    text = text.replace("{name: GREETING, value: hello}", '{name: PREDICTIVE_UNIT_PARAMETERS, value: "[]"}')
    parsed = manifest.parse(text.replace("LONG", "PREDICTOR_ID").encode(), "x")
    process = plan.microservice(parsed, plan.replicas(parsed, ports())[0], StartCommand(("python",), TOY), {}, {})
    assert (process.env["PREDICTIVE_UNIT_PARAMETERS"], process.env["PREDICTOR_ID"]) == ("[]", "main")


def test_every_replica_has_a_name_and_ports_of_its_own() -> None:
    """Two replicas and a shadow: three pods named as on a cluster, nine different ports."""
    replicas = plan.replicas(deployment("mirrored"), ports())
    assert [replica.pod for replica in replicas] == [
        "mirrored-main-0-main-toy-0", "mirrored-main-0-main-toy-1", "mirrored-shadow-0-shadow-toy-0",
    ]  # fmt: skip
    assert (
        len({port for replica in replicas for port in (replica.http_port, replica.grpc_port, replica.metrics_port)})
        == 9
    )


def test_more_ports_than_a_process_may_hold_files_is_one_line() -> None:
    """Some thousand replicas: the line names the field and the limit; there is no traceback."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 100
    with Ports() as held:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            with pytest.raises(StackError, match=r"^replicas: expected three ports for each.* 100 files") as refusal:
                [held.take() for _ in range(limit)]
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "\n" not in str(refusal.value)


def test_the_prefix_is_rewritten_and_all_of_it_mirrored() -> None:
    """One REST route for predictions and feedback alike, rewritten to ``/``, mirrored, without a time-out."""
    rest = routes(config_of(deployment("mirrored")))[0]
    assert rest["match"] == {"prefix": "/seldon/seldon/mirrored/"}
    route = rest["route"]
    assert (route["prefix_rewrite"], route["timeout"]) == ("/", "0s")
    assert route["weighted_clusters"] == {"clusters": [{"name": "mirrored-main", "weight": 100}]}
    assert [request_mirror_policy["cluster"] for request_mirror_policy in route["request_mirror_policies"]] == [
        "mirrored-shadow"
    ]
    assert "retry_policy" not in route


def test_grpc_is_routed_by_headers_to_the_same_predictors() -> None:
    """The gRPC route asks for the headers ``seldon`` and ``namespace`` and speaks HTTP/2 to the gRPC ports."""
    config = config_of(deployment("mirrored"))
    grpc = routes(config)[1]
    assert {header["name"]: header["string_match"]["exact"] for header in grpc["match"]["headers"]} == {
        "seldon": "mirrored",
        "namespace": "seldon",
    }
    assert grpc["route"]["weighted_clusters"]["clusters"] == [{"name": "mirrored-main_grpc", "weight": 100}]
    cluster = config["static_resources"]["clusters"][1]
    assert endpoints(cluster) == [20_001, 20_004]
    assert "http2_protocol_options" in json.dumps(cluster)


def endpoints(cluster: dict[str, Any]) -> list[int]:
    return [
        lb_endpoint["endpoint"]["address"]["socket_address"]["port_value"]
        for lb_endpoint in cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    ]


def test_replicas_are_the_endpoints_of_one_cluster() -> None:
    """Two replicas are two endpoints of their predictor's cluster, and no other's."""
    clusters = {
        cluster["name"]: cluster for cluster in config_of(deployment("mirrored"))["static_resources"]["clusters"]
    }
    assert endpoints(clusters["mirrored-main"]) == [20_000, 20_003]
    assert endpoints(clusters["mirrored-shadow"]) == [20_006]


def test_weights_and_the_mirrored_percentage_are_the_manifests() -> None:
    """80 to 20 between the primaries, 30 percent of both to the shadow."""
    route = routes(config_of(deployment("weighted")))[0]["route"]
    assert [(cluster["name"], cluster["weight"]) for cluster in route["weighted_clusters"]["clusters"]] == [
        ("weighted-major", 80),
        ("weighted-minor", 20),
    ]
    fraction = route["request_mirror_policies"][0]["runtime_fraction"]["default_value"]
    assert fraction == {"numerator": 300_000, "denominator": "MILLION"}


def test_breakers_are_istios_unless_envoys_are_asked_for() -> None:
    """Istio's thresholds are all 4294967295; ``envoy`` leaves its own, 1,024, by naming none."""
    istio = config_of(deployment("mirrored"))["static_resources"]["clusters"][2]
    plain = config_of(deployment("mirrored"), envoy.Ingress(1, 2, "envoy"))["static_resources"]["clusters"][2]
    assert istio["circuit_breakers"]["thresholds"][0]["max_requests"] == 4_294_967_295
    assert "circuit_breakers" not in plain


def test_only_older_istio_retries_a_503() -> None:
    """Two retries with either, on a 503 up to 1.23 only."""
    old, new = (
        routes(config_of(deployment("single"), envoy.Ingress(1, 2, retries=which)))[0]["route"]["retry_policy"]
        for which in ("istio-1.23", "istio")
    )
    assert (old["num_retries"], old["retriable_status_codes"]) == (2, [503])
    assert new["num_retries"] == 2
    assert "retriable_status_codes" not in new


def test_a_target_has_the_labels_of_a_pod_monitor() -> None:
    """namespace, pod, container, endpoint, job, and the two of ``podTargetLabels``."""
    parsed = deployment("mirrored")
    config = prometheus.config(prometheus.targets(parsed, plan.replicas(parsed, ports())), 9901, "1s")
    models, own = config["scrape_configs"]
    assert models["static_configs"][2] == {
        "targets": ["127.0.0.1:20008"],
        "labels": {
            "namespace": "seldon",
            "pod": "mirrored-shadow-0-shadow-toy-0",
            "container": "shadow-toy",
            "endpoint": "metrics",
            "job": "seldon/plumbline-seldon",
            "seldon_app": "mirrored-shadow",
            "seldon_deployment_id": "mirrored",
        },
    }
    assert own["static_configs"] == [{"targets": ["127.0.0.1:9901"]}]


def test_a_second_pod_monitor_scrapes_every_pod_again_under_another_job() -> None:
    """Twice the targets, told apart by ``job`` only: what doubles every sum on a cluster."""
    parsed = deployment("single")
    first, second = prometheus.targets(parsed, plan.replicas(parsed, ports()), 2)
    assert second["targets"] == first["targets"]
    assert second["labels"] == first["labels"] | {"job": "seldon/plumbline-seldon-1"}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["single", "mirrored", "weighted"]),
    breakers=st.sampled_from(["istio", "envoy"]),
    retries=st.sampled_from(["none", "istio", "istio-1.23"]),
)
def test_envoy_accepts_the_configuration(name: str, breakers: Any, retries: Any, tmp_path: Path) -> None:
    """``envoy --mode validate`` takes it, whatever the options."""
    path = tmp_path / "envoy.yaml"
    path.write_text(yaml.safe_dump(config_of(deployment(name), envoy.Ingress(1, 2, breakers, retries))))
    assert validated(path) == ""


def validated(path: Path) -> str:
    """What Envoy objects to; empty when nothing."""
    command = [binaries.envoy(), "--mode", "validate", "-c", str(path), "--log-level", "critical"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stderr


def test_envoy_refuses_a_configuration_with_a_wrong_field(tmp_path: Path) -> None:
    """The twin of the above."""
    config = config_of(deployment("single"))
    routes(config)[0]["route"]["tiemout"] = "0s"
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(config))
    assert "tiemout" in validated(tmp_path / "envoy.yaml")


IMAGE_MAPS = {
    "not TOML": ("a = ", "expected TOML"),
    "no command": ('["a"]\ncwd = "."', '["a"].command: expected a list of words, got None'),
    "a text": ('["a"]\ncommand = "python"', "expected a list of words, got 'python'"),
    "a typing error": ('["a"]\ncomand = []', '["a"].comand: no such key. Did you mean command?'),
    "no such folder": ('["a"]\ncommand = ["x"]\ncwd = "nowhere"', '["a"].cwd: expected a folder'),
    "numbers": ('["a"]\ncommand = ["x"]\nenv = {A = 1}', '["a"].env: expected text by name'),
    "no table": ("a = 1", "expected a table"),
}


@pytest.mark.parametrize("case", IMAGE_MAPS)
def test_a_bad_image_map_is_refused_by_its_entry(case: str, tmp_path: Path) -> None:
    """Whatever is wrong with an image map is said in one line that names the entry."""
    content, says = IMAGE_MAPS[case]
    (tmp_path / "images.toml").write_text(content)
    with pytest.raises(StackError) as error:
        images.read(tmp_path / "images.toml")
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_folder_in_the_image_map_is_relative_to_the_map() -> None:
    """``cwd`` of our own map is the repository, wherever the caller is."""
    actual = images.read(ROOT / "deploy" / "local" / "images.toml")
    assert actual["metrics_model:0.1"].cwd == ROOT


def test_an_image_without_a_command_is_refused_with_the_nearest_name() -> None:
    """The line names the image, the map and what it may have meant."""
    known = {"metrics_model:0.1": StartCommand(("x",), TOY)}
    with pytest.raises(StackError, match=r"image metrics_model:0\.2: .* Did you mean metrics_model:0\.1\?"):
        images.command_of(known, "metrics_model:0.2", Path("images.toml"))
