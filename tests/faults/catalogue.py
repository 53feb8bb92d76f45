"""The catalogue: every way in which a deployment, a scrape or a load was made to misbehave, and clean variants.

A row says what is done and what the judge must say of it. A diagnosis that no row expects is named in `NO_ROW`,
with the reason.
"""

from __future__ import annotations

from typing import Final

from rows_around import PIPELINE, TRAFFIC
from rows_clean import CLEANS
from rows_generator import GENERATOR
from rows_model import INSTRUMENTATION, SERVING

FAULTS: Final = (*INSTRUMENTATION, *SERVING, *TRAFFIC, *PIPELINE, *GENERATOR)
ROWS: Final = (*FAULTS, *CLEANS)

NO_ROW: Final[dict[str, str]] = {
    "check failed": "a defect of Plumbline itself, which no deployment can bring about; a test has a check that raises",
    "earlier load under way": "needs a backlog of more than a minute; `clean-backlog` has one that ends in time",
    "values in place of classes": "a split whose models answer with values; a test has one, and none is deployed so",
    "counted 4 times": "made as `counted 3 times` is, which has a row",
    "load shorter than asked": "requests have a time limit and arrivals a plan, so it takes a defect of Plumbline",
    "fewer users than asked": "the front door starts all at once; a test has a load that ends before all have come",
    "one class sent": "the example's held-out rows are of both classes; tests have rows of one",
    "counts of no predictor judged": "a stack is made from the manifest that the run reads; tests have a manifest less",
    "most rows on the threshold": "no artefact of the example scores all rows alike; a test has offline scores of 0",
    "visits broke off": "a defect of Plumbline itself; a test has a driver whose visits raise",
    "rows unknown": "the offline answers are of the run's own file by its digest, so only a garbled one lacks rows",
}
"""Diagnoses that no row expects, each with the reason."""
