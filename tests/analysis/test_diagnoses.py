"""Each diagnosis has its words. That the judge makes each of them is held by the catalogue of faults."""

from __future__ import annotations

import json

import pytest

from analysis.diagnoses import Diagnosis


@pytest.mark.parametrize("diagnosis", Diagnosis, ids=str)
def test_each_diagnosis_has_a_cause_and_a_remedy(diagnosis: Diagnosis) -> None:
    """All its texts are sentences."""
    texts = [diagnosis.cause, diagnosis.remedy, *diagnosis.remedies.values()]
    assert all(text[0].isupper() and text.endswith((".", "?)")) for text in texts), texts


def test_a_diagnosis_is_its_name_in_json() -> None:
    """``result.json`` holds the name, as text."""
    assert json.loads(json.dumps({"diagnosis": Diagnosis.SERVING_SKEW})) == {"diagnosis": "serving skew"}
    assert len({str(diagnosis) for diagnosis in Diagnosis}) == len(Diagnosis)
