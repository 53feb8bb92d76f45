"""Grafana dashboards, built from the names that the models publish.

build   ``python -m dashboards.build`` writes ``statistical-metrics.json``
"""
