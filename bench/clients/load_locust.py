"""``python -m bench.clients.load_locust fast|http URL BODY ...``: Locust's own users; prints JSON."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Final

import gevent
from locust import FastHttpUser, HttpUser, User, constant_throughput, task
from locust.env import Environment
from locust.stats import stats_history

KINDS: Final[dict[str, type[User]]] = {"fast": FastHttpUser, "http": HttpUser}


def user_of(kind: str, path: str, body: bytes, rate_per_s: float) -> type[User]:
    """A user that posts the body again and again, or as often as ``constant_throughput`` allows."""
    base: Any = KINDS[kind]

    class Poster(base):  # type: ignore[misc] # one of two, chosen at run time
        if rate_per_s:
            wait_time = constant_throughput(rate_per_s)

        @task
        def predict(self) -> None:
            self.client.post(path, data=body, headers={"Content-Type": "application/json"}, name="predict")

    user_class: type[User] = Poster
    return user_class


def load(arguments: argparse.Namespace) -> dict[str, Any]:
    """Locust's own counts and quantiles, and the CPU seconds that were used before the load began."""
    rate_per_s = arguments.rate / arguments.connections
    user = user_of(arguments.kind, arguments.path, arguments.body.read_bytes(), rate_per_s)
    environment = Environment(user_classes=[user], host=arguments.url)
    runner = environment.create_local_runner()
    before_s = time.process_time()
    history = gevent.spawn(stats_history, runner)
    runner.start(arguments.connections, spawn_rate=arguments.connections)
    gevent.sleep(arguments.seconds)
    runner.quit()
    history.kill()
    total = environment.stats.total
    return {
        "counted": total.num_requests,
        "failed": total.num_failures,
        "p90_ms": float(total.get_response_time_percentile(0.9) or 0),
        "p99_ms": float(total.get_response_time_percentile(0.99) or 0),
        "before_s": before_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("url")
    parser.add_argument("path")
    parser.add_argument("body", type=Path)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    print(json.dumps(load(parser.parse_args())))


if __name__ == "__main__":
    main()
