"""The reader of SeldonDeployments: the shipped manifests, the defaults, and arbitrary documents."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.manifest import deployment
from deploy.manifest.deployment import Deployment, ManifestError, Parameter
from deploy.manifest.schema import FieldError
from tests.deploy.manifest.documents import AB_TEST, SELDON, container, document, parsed, primary, shadow


def test_the_shadow_manifest_is_the_notebooks() -> None:
    """``ab-test.yaml``: the perceptron answers, the logistic regression sees everything, with the notebook's names."""
    parsed = deployment.read(AB_TEST)
    assert (parsed.name, parsed.namespace) == ("ab-test", "seldon")
    assert [
        (predictor.name, predictor.model, predictor.artifact, predictor.shadow, predictor.traffic, predictor.replicas)
        for predictor in parsed.predictors
    ] == [
        ("default", "percept-model", "binary-percept.joblib", False, 100, 1),
        ("shadow", "lr-model", "binary-lr.joblib", True, 100, 1),
    ]
    assert parsed.refusals == ()
    assert parsed.sha256 == hashlib.sha256(AB_TEST.read_bytes()).hexdigest()


def test_the_single_manifest_is_the_notebooks() -> None:
    """``metrics-model.yaml``: the perceptron alone, with the notebook's names."""
    parsed = deployment.read(SELDON / "metrics-model.yaml")
    assert [(parsed.name, predictor.name, predictor.model, predictor.image) for predictor in parsed.predictors] == [
        ("metrics-model", "default", "binary-percept", "metrics_model:0.1")
    ]
    assert parsed.predictors[0].parameters == (Parameter("model_name", "binary-percept.joblib", "STRING"),)
    assert parsed.shadow is None
    assert parsed.remarks == ()


def test_the_notebooks_own_manifest_is_read_too() -> None:
    """Without ``traffic``, with ``spec.name`` and ``endpoint``: a sole primary has 100 percent, and so a shadow."""
    content = document()
    content["spec"]["name"] = "ab-test"
    for predictor in content["spec"]["predictors"]:
        del predictor["traffic"], predictor["annotations"]
        predictor["graph"] |= {"children": [], "endpoint": {"type": "REST"}}
    read = parsed(content)
    assert [predictor.traffic for predictor in read.predictors] == [100, 100]
    assert [predictor.labels for predictor in read.predictors] == [(("version", "default"),), (("version", "shadow"),)]
    assert len(read.remarks) == 2
    assert read.refusals == ()


def test_a_shadow_of_zero_percent_is_mirrored_whole() -> None:
    """Seldon's operator sets a percentage only above 0, so 0 means all, not nothing."""
    content = document()
    shadow(content)["traffic"] = 0
    assert parsed(content).predictors[1].traffic == 100


def test_replicas_come_from_the_nearest_place() -> None:
    """The component's replicas win over the predictor's, those over the deployment's."""
    content = document()
    content["spec"]["replicas"] = 2
    del primary(content)["replicas"]
    shadow(content)["componentSpecs"][0]["replicas"] = 3
    assert [predictor.replicas for predictor in parsed(content).predictors] == [2, 3]


def test_the_namespace_is_the_one_asked_for_or_written_or_seldon() -> None:
    """As ``kubectl -n``: one asked for and another written is refused."""
    content = document()
    assert parsed(content).namespace == "seldon"
    assert parsed(content, "models").namespace == "models"
    content["metadata"]["namespace"] = "models"
    assert parsed(content).namespace == "models"
    with pytest.raises(FieldError, match=r"^metadata\.namespace: expected 'seldon' as --namespace says, got 'models'"):
        parsed(content, "seldon")


@pytest.mark.parametrize("namespace", ["UPPER_case", "a b", "-a", "a" * 64])
def test_a_namespace_that_is_no_name_is_not_blamed_on_the_manifest(namespace: str, tmp_path: Path) -> None:
    """The option is named, and the file, whose own namespace is right, is not."""
    (tmp_path / "m.yaml").write_text(yaml.safe_dump(document()))
    with pytest.raises(ManifestError, match=r"^reading --namespace: expected lower-case letters") as refusal:
        deployment.read(tmp_path / "m.yaml", namespace)
    assert "m.yaml" not in str(refusal.value)


NOT_YAML = {
    "not YAML": (b"a: [1", "line 1: expected YAML"),
    "not text": (b"\xff\xfe\x00", "the file: expected YAML"),
    "empty": (b"", "the file: expected one SeldonDeployment, got none in 0 documents"),
    "two": (b"a: 1\n---\nb: 1\n", "the file: expected one SeldonDeployment, got none in 2 documents"),
    "a list": (b"- 1\n", "the file: expected a mapping"),
    "a key twice": (b"kind: A\nkind: B\n", "line 2: expected YAML, got key 'kind' twice"),
    "a JSON key twice": (b'{"kind": "A", "kind": "B"}', "the file: expected YAML, got key 'kind' twice"),
    "deep": (b"a: " + b"[" * 5000, "the file: expected values at most 60 deep"),
    "deep JSON": (b'{"a": ' + b"[" * 50_000, "the file: expected values at most 60 deep"),
    "itself": (b"a: &a [*a]\n", "the file: expected values at most 60 deep"),
    "a billion": (
        b"a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (i, i, b", ".join([b"*a%d" % (i - 1)] * 10)) for i in range(1, 12)),
        "the file: expected at most 100,000 values, got more by its aliases",
    ),
    "a large file": (b"#" * (4 * 2**20 + 1), "the file: expected at most 4,194,304 bytes"),
    "a Helm template": (b"kind: SeldonDeployment\nname: {{ .Release.Name }}\n", "line 2: expected YAML"),
    "a tag": (b"a: !!python/object:os.system {}\n", "line 1: expected YAML"),
}


@pytest.mark.parametrize("case", NOT_YAML)
def test_a_file_that_is_not_one_document_is_refused(case: str) -> None:
    """What is not one YAML document is refused in a line that says where."""
    content, begins = NOT_YAML[case]
    with pytest.raises(FieldError) as error:
        deployment.parse(content, "x.yaml")
    assert str(error.value).startswith(begins)


def test_json_may_be_indented_with_tabs() -> None:
    """As fifteen of Seldon's own manifests are."""
    assert deployment.parse(json.dumps(document(), indent="\t").encode(), "x.json").name == parsed(document()).name


def test_other_documents_beside_the_deployment_are_left_out_with_a_remark() -> None:
    content = b"apiVersion: v1\nkind: Namespace\nmetadata: {name: seldon}\n---\n" + yaml.safe_dump(document()).encode()
    read = deployment.parse(content, "x.yaml")
    assert read.name == parsed(document()).name
    assert "the file: a 'Namespace' is left out" in read.remarks


def test_two_deployments_in_one_file_are_named() -> None:
    both = yaml.safe_dump_all([document(), document()]).encode()
    with pytest.raises(FieldError, match=r"^the file: expected one SeldonDeployment, got 2 \('[a-z-]+', '[a-z-]+'\)"):
        deployment.parse(both, "x.yaml")


def test_a_live_export_and_a_long_name_are_read() -> None:
    """A cluster takes a name of 67 characters: the operator shortens those that it makes of it."""
    content = document()
    content["metadata"] |= {
        "deletionTimestamp": "2026-11-01T00:00:00Z",
        "deletionGracePeriodSeconds": 0,
        "name": "a" * 67,
    }
    assert parsed(content).name == "a" * 67


def test_an_error_names_the_file(tmp_path: Path) -> None:
    """`read` puts the file before the field; a file that is not there, or a folder, is said to be so."""
    with pytest.raises(ManifestError, match=r"none\.yaml: expected a manifest file, got No such file"):
        deployment.read(tmp_path / "none.yaml")
    with pytest.raises(ManifestError, match="expected a manifest file, got Is a directory"):
        deployment.read(tmp_path)
    (tmp_path / "bad.yaml").write_text("kind: Pod\n")
    with pytest.raises(ManifestError, match=r"^reading .*bad.yaml: kind: expected SeldonDeployment, got 'Pod'"):
        deployment.read(tmp_path / "bad.yaml")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in a document, the root left out."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inner for place in [(*path, key), *places(item, (*path, key))]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_value_in_any_place_is_read_or_refused_in_one_line(data: st.DataObject) -> None:
    """For any value in any place, the reader gives a deployment or raises `FieldError`; it never crashes."""
    content = document()
    container(content)["env"] = [{"name": "A", "value": "b"}]
    content["spec"]["predictors"][0]["graph"] |= {"endpoint": {"type": "REST"}, "children": []}
    *path, last = data.draw(st.sampled_from(places(content)))
    inner: Any = content
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(ANYTHING)
    try:
        assert isinstance(parsed(content), Deployment)
    except FieldError as error:
        assert "\n" not in str(error)  # noqa: PT017  (either outcome is right)
