"""Plumbline measured beside others, in ratios."""
