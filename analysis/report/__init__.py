"""Reports of a judged run. ``result.json`` and ``run.json`` come in; pages and lines go out, the same bytes each time.

reports         writes ``report.html``, ``report.md`` and ``junit.xml``
html            the page; its colours and its layout are in ``templates/`` (``report.css``)
markdown        the short report
junit           the findings as test cases
github          the findings as lines for a job on GitHub
terminal        the verdict in a few lines
terminal_load   the load in a few lines
view            what the page shows, decided before it is laid out
order           the order of findings, and the titles of checks
wording         numbers, times and verdicts as words
charts          pictures over time
pictures        pictures without time: cells, curve, outcomes, intervals
svg             a small SVG writer
"""
