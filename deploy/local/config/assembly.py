"""All of a stack as values: its processes, the files they read, where they answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import yaml

from deploy.local.config import binaries, envoy, images, plan, prometheus
from deploy.local.config.ports import Ports
from deploy.local.config.replica_record import FILE, ReplicaRecord
from deploy.manifest.deployment import Deployment


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a stack. A port of 0 is a free one. ``restarts``: per process.

    ``pod_monitors``: how many PodMonitors select each pod. A second one is a common mistake on clusters: it doubles
    every sum.
    """

    images: Path
    ingress_port: int = 0
    prometheus_port: int = 0
    scrape_interval: str = "1s"
    breakers: envoy.Breakers = "istio"
    retries: envoy.Retries = "none"
    restarts: int = 3
    pod_monitors: int = 1
    rules: tuple[Path, ...] = ()
    env: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Assembly:
    """A stack that is ready to be started. ``files``: content of each file that must be there before."""

    deployment: Deployment
    replicas: tuple[plan.Replica, ...]
    models: tuple[plan.Process, ...]
    envoy: plan.Process
    prometheus: plan.Process
    files: Mapping[Path, str]
    host: str
    prometheus_url: str
    envoy_admin_url: str
    targets: int
    """Number of scrape targets: every replica for every PodMonitor, and Envoy."""
    scrape_interval_s: float

    def replica_records(self) -> tuple[ReplicaRecord, ...]:
        """The replicas as the state file names them."""
        return tuple(
            ReplicaRecord(
                predictor=replica.predictor.name,
                pod=replica.pod,
                model=replica.predictor.model,
                shadow=replica.predictor.shadow,
                rest_url=replica.rest_url,
                grpc_address=f"127.0.0.1:{replica.grpc_port}",
                metrics_url=replica.metrics_url,
                cluster=envoy.cluster_name(self.deployment, replica.predictor),
            )
            for replica in self.replicas
        )


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a stack keeps its state file and database (``work``), and its logs and configurations (``logs``)."""

    work: Path
    logs: Path

    @property
    def state(self) -> Path:
        return self.work / FILE

    @property
    def database(self) -> Path:
        return self.work / "tsdb"


@dataclass(frozen=True, slots=True)
class Programs:
    """Paths of the programs that are not the models'."""

    envoy: str
    prometheus: str


def assemble(
    deployment: Deployment, options: Options, programs: Programs, ports: Ports, folders: Folders, env: Mapping[str, str]
) -> Assembly:
    """The stack of a deployment, with ``env`` inherited by its processes.

    Raises `StackError` for an image that the map does not know, or a port that is taken.
    """
    known = images.read(options.images)
    commands = {
        predictor.image: images.command_of(known, predictor.image, options.images)
        for predictor in deployment.predictors
    }
    ingress = envoy.Ingress(
        ports.take(options.ingress_port, "--ingress-port"), ports.take(), options.breakers, options.retries
    )
    prometheus_port = ports.take(options.prometheus_port, "--prometheus-port")
    replicas = plan.replicas(deployment, (ports.take() for _ in count()))
    inherited = dict(env) | {"PATH": binaries.path_with_environment(env)}
    envoy_file, prometheus_file = folders.logs / "envoy.yaml", folders.logs / "prometheus.yaml"
    return Assembly(
        deployment=deployment,
        replicas=replicas,
        models=tuple(
            plan.microservice(deployment, replica, commands[replica.predictor.image], inherited, options.env or {})
            for replica in replicas
        ),
        envoy=envoy_process(programs.envoy, envoy_file, ingress.admin_port, inherited),
        prometheus=prometheus_process(programs.prometheus, prometheus_file, folders, prometheus_port, inherited),
        files={
            envoy_file: _yaml(envoy.config(deployment, replicas, ingress)),
            prometheus_file: _yaml(
                prometheus.config(
                    prometheus.targets(deployment, replicas, options.pod_monitors),
                    ingress.admin_port,
                    options.scrape_interval,
                    options.rules,
                )
            ),
        },
        targets=len(replicas) * options.pod_monitors + 1,
        scrape_interval_s=prometheus.seconds_of(options.scrape_interval),
        host=f"http://127.0.0.1:{ingress.port}",
        prometheus_url=f"http://127.0.0.1:{prometheus_port}",
        envoy_admin_url=f"http://127.0.0.1:{ingress.admin_port}",
    )


def envoy_process(program: str, config: Path, admin_port: int, env: Mapping[str, str]) -> plan.Process:
    """Envoy with a configuration. It has one worker thread, so that replicas get requests exactly in turn."""
    return plan.Process(
        name="envoy",
        command=(program, "-c", str(config), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"),
        cwd=config.parent,
        env=env,
        ready=(f"http://127.0.0.1:{admin_port}/ready",),
        grace_s=0.5,  # with requests in flight its stop takes too long
    )


def prometheus_process(program: str, config: Path, folders: Folders, port: int, env: Mapping[str, str]) -> plan.Process:
    """Prometheus with a configuration. After a restart it uses the same database."""
    return plan.Process(
        name="prometheus",
        command=(
            program,
            f"--config.file={config}",
            f"--storage.tsdb.path={folders.database}",
            "--storage.tsdb.retention.time=2d",
            f"--web.listen-address=127.0.0.1:{port}",
            *_web_assets(Path(program)),
        ),
        cwd=config.parent,
        env=env,
        ready=(f"http://127.0.0.1:{port}/-/ready",),
        grace_s=1.0,
    )


def _web_assets(program: Path) -> tuple[str, ...]:
    """Options for a Prometheus that was unpacked.

    Debian's build looks for its pages in /usr/share; an unpacked one has them in its own folder.
    """
    assets = program.parent.parent / "share" / "prometheus" / "web"
    return (f"--web.local-assets={assets}",) if assets.is_dir() else ()


def _yaml(value: object) -> str:
    return yaml.safe_dump(value, sort_keys=False)
