"""The evidence of one run: the files read once, then arranged in one pass. Nothing here judges.

A run folder comes in (`files.read`); an `Evidence` goes out (`arrange.arrange`), which is all that a check sees.

    files           reads a run folder; what cannot be read is an entry of ``problems``
    samples         Prometheus' samples and their file; the offset between the two clocks
    queries         the PromQL selectors by which samples are fetched
    offline         the offline answers and their file
    rounding        rows whose class or bucket is a matter of rounding
    exposed         the counts of the models' own endpoints and their file
    gateway         the gateway's own counters of a predictor
    scrapes         (a room) what the scrapes of the models' endpoints show, target by target and together
    patterns        the axes along which events are counted; what of an event determines where
    tally           the ledger as counts, in one pass over its batches
    request_times   the part of the tally that is about requests: their times and statuses
    beside          (a room) what a predictor publishes beside the counts that it is judged by
    bounds          the bounds of each count at each scrape
    curve           counts by score threshold, live and offline
    obstacles       why counts cannot be judged, or are no counts at all
    doubts          why counts that are outside of their bounds prove nothing
    arrange         from the files to the evidence; pure
    evidence        `Evidence`, `Group`, `PredictorEvidence`
"""
