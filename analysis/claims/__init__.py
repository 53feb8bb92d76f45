"""What a published number claims to count, and which series carry it. Pure.

A *claim* is a set of (truth, predicted) pairs, weighted: the number of feedback rows with such a pair is what the
series says. The four cells of a binary confusion matrix are four claims, a matrix of K classes is K x K of them.
A metric map (TOML) and the classes of the held-out rows come in; the claims go out, and for each series which of them
it makes. The judge's evidence knows nothing else of metrics' names.

    claim           claims as arrays: what an event adds to each of them, and sums of them
    series_rule     one table of a metric map: which series of a metric claim what
    metric_map      a metric map, read and checked; the ready-made ones are in ``maps``
    selection       a metric map applied to the classes of a run
"""
