"""The one error of the benchmarks."""

from __future__ import annotations


class BenchError(Exception):
    """A measurement cannot be made; one line says why and what to do."""
