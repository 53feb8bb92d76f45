"""``python -m bench.clients.load_requests URL BODY ...``: one `requests` session per thread; prints JSON."""

from __future__ import annotations

import argparse
import json
import threading
import time
from pathlib import Path

import requests


def loop(url: str, body: bytes, deadline: float, results: list[tuple[int, int]]) -> None:
    """Post until the deadline; adds (answers, answers that were not 2xx) to ``results``."""
    counted = failed = 0
    with requests.Session() as session:
        session.trust_env = False  # it would read the proxies' variables again for each request
        while time.monotonic() < deadline:
            answer = session.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
            counted += 1
            failed += not answer.ok
    results.append((counted, failed))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("body", type=Path)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    body = arguments.body.read_bytes()
    results: list[tuple[int, int]] = []
    before_s = time.process_time()
    deadline = time.monotonic() + arguments.seconds
    loop_arguments = (arguments.url, body, deadline, results)
    threads = [threading.Thread(target=loop, args=loop_arguments) for _ in range(arguments.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counted, failed = (sum(column) for column in zip(*results, strict=True))
    lost = arguments.connections - len(results)  # a thread that died of an exception
    print(json.dumps({"counted": counted, "failed": failed + lost, "before_s": before_s}))


if __name__ == "__main__":
    main()
