"""Grafana dashboards, and what builds them."""
