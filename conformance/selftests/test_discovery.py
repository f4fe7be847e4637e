"""Which model of an Ollama answers for which capability."""

import httpx
import pytest

from conformance.errors import UsageError
from conformance.selftests.ollamas import ollama_with, tagged
from conformance.targets.ollama import Model, discover, read_version
from conformance.targets.prepare import FIXTURE_IDS


def ids(client, **options):
    found = discover(client, "http://host/v1", **options).by_capability
    return {capability: model.id for capability, model in found.items()}


CAPABLE = {
    "tiny-thinker:latest": {"capabilities": ["completion", "tools", "thinking"]},
    "small:latest": {"capabilities": ["completion"]},
    "middle:latest": {"capabilities": ["completion", "tools", "insert"]},
    "large:latest": {"capabilities": ["completion", "tools", "vision"]},
    "vectors:latest": {"capabilities": ["embedding"]},
}
SIZED = [
    tagged("large:latest", 4000),
    tagged("small:latest", 200),
    tagged("vectors:latest", 50),
    tagged("tiny-thinker:latest", 100),
    tagged("middle:latest", 300),
]


def test_the_smallest_model_that_does_not_think_answers_for_each_capability():
    assert ids(ollama_with(*SIZED, shown=CAPABLE)) == {
        "completion": "small:latest",
        "tools": "middle:latest",
        "insert": "middle:latest",
        "vision": "large:latest",
        "embedding": "vectors:latest",
        "thinking": "tiny-thinker:latest",
    }


def test_a_model_comes_with_its_digest():
    found = discover(ollama_with(*SIZED, shown=CAPABLE), "http://host/v1").by_capability
    assert found["completion"] == Model(id="small:latest", digest="digest of small:latest")


def test_a_model_that_thinks_answers_where_no_other_can():
    client = ollama_with(tagged("tiny-thinker:latest", 100), shown=CAPABLE)
    assert ids(client) == dict.fromkeys(("completion", "tools", "thinking"), "tiny-thinker:latest")


def test_what_is_missing_comes_with_a_hint():
    found = discover(ollama_with(tagged("vectors:latest", 50), shown=CAPABLE), "http://host/v1")
    assert tuple(found.by_capability) == ("embedding",)
    assert len(found.notes) == 5
    assert "no model for vision: try `ollama pull moondream`, or --prepare for the suite's own" in found.notes


def test_the_suites_own_models_go_first():
    own = FIXTURE_IDS["tools"]
    client = ollama_with(*SIZED, tagged(own, 9000), shown=CAPABLE | {own: {"license": "none of ours"}})
    found = ids(client, fixtures=FIXTURE_IDS)
    assert (found["tools"], found["completion"]) == (own, own)
    assert found["vision"] == "large:latest"


def test_a_wanted_model_answers_for_all_it_can():
    found = ids(ollama_with(*SIZED, shown=CAPABLE), wanted={"completion": "Large"}, fixtures=FIXTURE_IDS)
    assert found["completion"] == found["tools"] == found["vision"] == "large:latest"
    assert found["insert"] == "middle:latest"


def test_a_wanted_model_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match=r"no model 'absent' .*there: large:latest, .*ollama pull absent"):
        discover(ollama_with(*SIZED, shown=CAPABLE), "http://host/v1", wanted={"vision": "absent"})


def test_cloud_models_are_left_out():
    cloud = tagged("huge:cloud", 3, remote_host="https://elsewhere", remote_model="huge")
    assert ids(ollama_with(cloud, shown={"huge:cloud": {"capabilities": ["completion"]}})) == {}


def test_capabilities_in_the_list_spare_the_look():
    listed = tagged("small:latest", 5, capabilities=["completion", "thinking"])
    assert ids(ollama_with(listed, shown={})) == {"completion": "small:latest", "thinking": "small:latest"}


OLDER = {
    "chat:latest": {"template": "{{ range .Messages }}{{ .ToolCalls }}{{ end }}{{ .Tools }}{{ .Suffix }}"},
    "seeing:latest": {"template": "{{ .Prompt }}", "projector_info": {"clip.has_vision_encoder": True}},
    "bert:latest": {"template": "{{ .Prompt }}", "model_info": {"bert.pooling_type": 1}},
    "r1:latest": {"template": "<think>{{ .Prompt }}"},
}


def test_older_servers_show_it_by_template_and_family():
    sized = [tagged(name, size) for size, name in enumerate(reversed(OLDER))]
    assert ids(ollama_with(*sized, shown=OLDER, number="0.3.0")) == {
        "completion": "seeing:latest",
        "tools": "chat:latest",
        "insert": "chat:latest",
        "vision": "seeing:latest",
        "embedding": "bert:latest",
        "thinking": "r1:latest",
    }


@pytest.mark.parametrize(
    ("number", "expected"),
    [("0.6.8", {"completion", "thinking"}), ("0.24.0", {"completion"}), ("0.0.0", {"completion"})],
)
def test_thinking_is_read_from_the_template_only_before_it_was_declared(number, expected):
    shown = {"r1:latest": {"template": "<think>", "capabilities": ["completion"]}}
    assert set(ids(ollama_with(tagged("r1:latest", 5), shown=shown, number=number))) == expected


def test_a_model_that_cannot_be_looked_at_is_left_out_and_named():
    client = ollama_with(tagged("broken:latest", 1), tagged("small:latest", 200), shown=CAPABLE)
    found = discover(client, "http://host/v1")
    assert found.by_capability["completion"].id == "small:latest"
    assert found.notes[0] == "broken:latest is left out: http://host/api/show answered 404: gone"


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ("<html>", "no JSON object"),
        ([], "no JSON object"),
        ({"models": {"a": 1}}, "without a list of models"),
        ({"models": ["a"]}, "without a list of models"),
        ({"models": [{"name": "a"}]}, "without name, digest or size"),
        ({"models": [{"name": "a\x1b[0m", "digest": "b", "size": 1}]}, "without name, digest or size"),
        (lambda _: httpx.Response(500, json={"error": "disk\nfull"}), "answered 500: disk full"),
    ],
)
def test_a_list_of_models_in_a_wrong_shape_is_an_error(tags, message):
    with pytest.raises(UsageError, match=message):
        discover(ollama_with(shown={}, **{"/api/tags": tags}), "http://host/v1")


@pytest.mark.parametrize("models", [None, []])
def test_an_ollama_without_models_has_none(models):
    client = ollama_with(shown={}, **{"/api/tags": {"models": models}})
    assert ids(client) == {}


def test_the_version_is_told():
    assert read_version(ollama_with(shown={}, number="0.6.8"), "http://host/v1") == "0.6.8"
