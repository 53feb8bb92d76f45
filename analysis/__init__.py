"""Judging: whether the live counts in Prometheus are those of the offline model, on the very rows sent.

A run folder comes in; ``result.json``, the reports and a verdict go out. In the order of the flow:

    access      headers, logins and certificates for an ingress and a Prometheus
    record      the run folder and the ledger: everything that load generation may import
    claims      what a published number claims to count, and which series carry it: metric maps
    collect     edges: Prometheus, the models' metrics endpoints, the offline answers
    stats       pure arithmetic: confusion counts, percentiles, proportions, average precision, bootstrap
    evidence    the files of a run, read once, then arranged: counts over time, with their bounds
    judge       the checks and their registry, the diagnosis of wrong counts, gates, the comparison
    result      ``result.json``: its content, its file, its reader
    report      ``report.html``, ``report.md``, ``junit.xml``, and the lines for a terminal
    capacity    the search for the highest rate that holds: its steps, its file, its report
    notebook    a run folder as pandas DataFrames, for a notebook
    command     the steps of ``python -m analysis``
    verdict     `Verdict`, `Finding`, `Explanation`
    diagnoses   every diagnosis: its name, its cause, its remedy
    __main__    the command line
"""
