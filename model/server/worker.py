"""Gunicorn's threaded worker, without the five seconds for which a silent connection occupies a thread.

Gunicorn gives every new connection to a thread at once, which waits up to 5 s for its first byte
(``DEFAULT_WORKER_DATA_TIMEOUT``); only then does the connection go to the poller. A proxy such as Envoy opens a
connection for a request that may then go out on another one that came free first, and leaves the new one unused.
With one thread, which is Seldon's default, such a connection holds up everything else of its worker for 5 s, seen as
answers that take 5 s and a shadow that stands still. Here a new connection waits in the poller from the start.
"""

from __future__ import annotations

import resource
import time
from functools import partial
from selectors import EVENT_READ
from typing import Final

from gunicorn.workers.gthread import DEFAULT_WORKER_DATA_TIMEOUT, TConn, ThreadWorker

OTHER_FILES: Final = 200
"""Number of files that a worker may open besides its connections, with a wide margin."""
MOST_CONNECTIONS: Final = 65_535
"""More connections than one proxy can open to one port."""


def connections() -> int:
    """How many connections a worker takes: as many as it may open files. Raises the limit to what is allowed.

    Gunicorn's default is 1,000. Beyond that a worker takes no more until an idle connection has timed out, which takes
    75 s if connections are kept that long. Envoy opens a connection for each request of a backlog, so a shadow that
    falls behind by a thousand left the rest unanswered for a minute.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    allowed = MOST_CONNECTIONS + OTHER_FILES if unlimited else min(hard, MOST_CONNECTIONS + OTHER_FILES)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - OTHER_FILES, 1)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Takes a thread for a connection only once there is something to read from it."""

    def enqueue_req(self, conn: TConn) -> None:
        """Give the connection to a thread; a new one only after its first byte."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + max(DEFAULT_WORKER_DATA_TIMEOUT, self.cfg.keepalive)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
