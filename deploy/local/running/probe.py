"""Whether a server on loopback serves: one plain GET at a time, without blocking the launcher."""

from __future__ import annotations

import asyncio
import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

TIMEOUT_S: Final = 1.0


async def get(url: str) -> tuple[int, str]:
    """Status and body of a GET; status 0 when there was no answer, with the reason in place of the body."""
    return await asyncio.to_thread(_get, url)


def _get(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or repr(error)
    finally:
        connection.close()


async def unready(urls: tuple[str, ...]) -> str:
    """What is still missing for all URLs to answer 200, as text; empty when nothing is."""
    for url in urls:
        status, body = await get(url)
        if status != 200:
            return f"{url} gave {status or body}"
    return ""


async def unscraped(prometheus_url: str, expected: int) -> str:
    """Which targets Prometheus has not scraped with success yet, as text; empty when all ``expected`` are up."""
    status, body = await get(f"{prometheus_url}/api/v1/targets?state=active")
    if status != 200:
        return f"Prometheus gave {status or body}"
    targets: list[dict[str, Any]] = json.loads(body)["data"]["activeTargets"]
    if len(targets) < expected:
        return f"Prometheus knows {len(targets)} of {expected} targets"
    return "; ".join(
        f"{target['scrapeUrl']} {target['lastError'] or target['health']}"
        for target in targets
        if target["health"] != "up"
    )
