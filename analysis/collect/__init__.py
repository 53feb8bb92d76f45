"""Edges: everything of the judge that asks a server or loads a model.

A run folder comes in; ``baseline.json``, ``samples.parquet``, ``exposed.json`` and ``offline.parquet`` go out.

    prometheus        the one Prometheus client
    baseline          before the load: a fresh scrape of every target, the clock, ``baseline.json``
    offline_answers   the artefacts' answers to the held-out rows
    stored_samples    after the load: waits for the last scrape, then fetches every sample
    deadline          a time limit for a whole reading
    endpoints         the models' own metrics endpoints
"""
