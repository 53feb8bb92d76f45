"""Judging: the live counts that Prometheus holds, against scikit-learn on the very rows sent."""
