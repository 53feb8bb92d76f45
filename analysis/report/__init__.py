"""Reports of a judged run. ``result.json`` and ``run.json`` come in; pages and lines go out, the same bytes each time.

reports          writes ``report.html``, ``report.md`` and ``junit.xml``
html             the page; its colours and its layout are in ``templates/`` (``report.css``)
markdown         the short report
junit            the findings as test cases
github           the findings as lines for a job on GitHub
terminal         the verdict in a few lines
terminal_counts  each predictor's counts in a few lines
terminal_load    the load in a few lines
view             what the page shows, decided before it is laid out
order            the order of findings, and the titles of checks
quality          quality by class and published counts, as lines of tables
wording          numbers, times and verdicts as words
charts           pictures over time
pictures         pictures without time: cells, curve, outcomes, intervals
heat_map         the confusion matrix of more than two classes
svg              a small SVG writer
"""
