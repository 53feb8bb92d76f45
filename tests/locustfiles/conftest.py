"""Servers for the tests of the load generator. Each counts what it receives.

Nothing here imports Locust: it would patch the whole test process. `http1.pool`, `drive.driver` and the pure modules
use gevent's own sockets and need no patching; where Locust itself is under test, it runs as a user runs it.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import settings

from analysis.access.access import EndpointAccess
from analysis.record.ledger_file import read_ledger
from locustfiles.http1.pool import ConnectionPool
from locustfiles.http1.target import target_of

settings.register_profile("plumbline", deadline=None)  # a shared machine may pause for longer than any deadline
settings.load_profile("plumbline")
HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent.parent


class Peer:
    """One accepted connection, as a behaviour sees it."""

    def __init__(self, sock: socket.socket, whole: list[bytes]) -> None:
        self.socket = sock
        self._whole = whole
        self._pending = b""

    def request(self) -> bytes | None:
        """The next whole request, noted as delivered; None when the client has closed."""
        while b"\r\n\r\n" not in self._pending:
            if not self._more():
                return None
        head, _, rest = self._pending.partition(b"\r\n\r\n")
        match = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        length = int(match[1]) if match else 0
        while len(rest) < length:
            if not self._more():
                return None
            rest = self._pending.partition(b"\r\n\r\n")[2]
        self._pending = rest[length:]
        self._whole.append(head + b"\r\n\r\n" + rest[:length])
        return self._whole[-1]

    def some(self, count: int) -> bytes:
        """At least one byte of a request, at most ``count``; not noted as delivered."""
        return self.socket.recv(count)

    def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(content)

    def answer(self, body: bytes = b"{}", status: bytes = b"200 OK", headers: bytes = b"") -> None:
        """Send an answer with a length."""
        self.send(b"HTTP/1.1 %b\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers, len(body), body))

    def reset(self) -> None:
        """Close with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _more(self) -> bool:
        piece = self.socket.recv(65536)
        self._pending += piece
        return bool(piece)


Behaviour = Callable[[Peer], object]


@dataclass
class Misbehaving:
    """A server that treats each connection as ``behaviour`` says; ``whole`` are the requests that it read whole."""

    listener: socket.socket
    behaviour: Behaviour
    whole: list[bytes] = field(default_factory=list)
    connections: int = 0
    finished: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        host = self.listener.getsockname()[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._converse, args=(accepted,), daemon=True).start()

    def _converse(self, accepted: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError), accepted:
                self.behaviour(Peer(accepted, self.whole))
        finally:
            self.finished.release()

    def settled(self, connections: int) -> bool:
        """Whether that many connections have come to their end, waiting up to five seconds."""
        return all(self.finished.acquire(timeout=5) for _ in range(connections))


@pytest.fixture
def misbehaving() -> Iterator[Callable[..., Misbehaving]]:
    """Makes servers with a behaviour; ends them all."""
    made: list[Misbehaving] = []

    def make(behaviour: Behaviour, host: str = "127.0.0.1") -> Misbehaving:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family)
        listener.bind((host, 0))
        listener.listen(128)
        server = Misbehaving(listener, behaviour)
        made.append(server)
        threading.Thread(target=server.serve, daemon=True).start()
        return server

    yield make
    for server in made:
        with contextlib.suppress(OSError):
            server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


@pytest.fixture
def pool_of() -> Iterator[Callable[..., ConnectionPool]]:
    """Makes clients for URLs; closes what they kept."""
    made: list[ConnectionPool] = []

    def make(url: str, ca_file: Path | None = None, timeout_s: float = 2, **options: Any) -> ConnectionPool:
        made.append(
            ConnectionPool(target_of(url, EndpointAccess(ca_file=str(ca_file or ""))), timeout_s=timeout_s, **options)
        )
        return made[-1]

    yield make
    for pool in made:
        pool.close()


@dataclass(frozen=True)
class Counting:
    """A running `counting_server.py`."""

    url: str

    def counts(self) -> dict[str, int]:
        """Requests that it read whole, by kind."""
        return self._get("/counts")  # type: ignore[no-any-return]

    def bodies(self) -> list[dict[str, Any]]:
        """What it was sent, if it keeps that."""
        return self._get("/bodies")  # type: ignore[no-any-return]

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)


@pytest.fixture
def counting() -> Iterator[Callable[..., Counting]]:
    """Starts counting servers; ends them all."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Counting:
        process = subprocess.Popen(
            [sys.executable, str(HERE / "counting_server.py"), *options], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout is not None
        return Counting(f"http://127.0.0.1:{int(process.stdout.readline())}")

    yield start
    for process in started:
        process.kill()
        process.communicate()


@dataclass
class Running:
    """A running `locust` (or front door) in a process group of its own."""

    process: subprocess.Popen[str]
    folder: Path

    @property
    def run(self) -> Path:
        """The newest run folder."""
        return self.folder / "runs" / "latest"

    def until_loaded(self, events: int = 1) -> None:
        """Wait until the ledger holds that many events."""
        from analysis.record import ledger  # noqa: PLC0415 - Arrow, where nothing else of this file needs it

        def loaded() -> bool:
            with contextlib.suppress(ledger.LedgerError):
                return bool(read_ledger(self.run / "ledger.arrow").events.num_rows >= events)
            return False

        wait_for(loaded, 30, self)

    def signal(self, number: int, *, group: bool = False) -> None:
        """Send a signal, to the whole foreground group as a terminal's Ctrl-C would, or to the first process."""
        os.killpg(self.process.pid, number) if group else self.process.send_signal(number)

    def end(self, timeout_s: float = 40) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        out, err = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, out, err


def wait_for(condition: Callable[[], bool], timeout_s: float, running: Running) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if running.process.poll() is not None or time.monotonic() > deadline:
            running.process.kill()
            pytest.fail("".join(running.process.communicate()))
        time.sleep(0.05)


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts commands of ours with a stand-in for the judge; ends whatever is left of them."""
    started: list[Running] = []

    def start(*arguments: str, module: str = "locust", environment: dict[str, str] | None = None) -> Running:
        surroundings = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE / "fake_analysis"), str(ROOT)]),
            **(environment or {}),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(Running(process, tmp_path))
        return started[-1]

    yield start
    for running in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.process.pid, signal.SIGKILL)
        running.process.communicate()


@dataclass(frozen=True)
class Certified:
    """A certificate for 127.0.0.1 that signs itself, and its key."""

    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def certified(tmp_path_factory: pytest.TempPathFactory) -> Certified:
    """A certificate that is trusted only by clients that get it as a CA file."""
    folder = tmp_path_factory.mktemp("certificates")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plumbline test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certified(folder / "certificate.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made
