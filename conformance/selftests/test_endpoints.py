"""The endpoints' classes: what follows from them is sound, and what they leave open is refused, not guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

import conformance
from conformance.checklist.packaged_data import folder
from conformance.checklist.rows import CAPABILITIES, GROUPS, field_values
from conformance.judge.catalog import load_catalog
from conformance.judge.schema_faults import select_schema
from conformance.probes.endpoints import (
    ENDPOINTS,
    HEADINGS,
    Chat,
    Embeddings,
    Models,
    RequestEndpoint,
    capability_of,
    endpoint_at,
    endpoint_for_model,
)
from conformance.probes.endpoints.images import Images
from conformance.probes.registry import Experiment, endpoints_of
from conformance.wire.exchange import Call, Exchange

from .asking import asker_of
from .servers import Reply, Request

POSTED = [endpoint for endpoint in ENDPOINTS if issubclass(endpoint, RequestEndpoint)]


class Counts:
    """Answers nothing, and counts what is asked."""

    def __init__(self):
        self.requests = 0

    def answer(self, request: Request) -> Reply:  # noqa: ARG002
        self.requests += 1
        return Reply()


@pytest.mark.parametrize("transport", ["sdk", "sdk_async"])
def test_a_call_that_names_no_method_of_the_sdk_is_not_sent_by_another(transport):
    server = Counts()
    with pytest.raises(ValueError, match="GET /zz-unknown: the call names no method"):
        asker_of(server).send(Call(method="GET", path="/zz-unknown", transport=transport))
    assert server.requests == 0


def test_names_routes_and_places_are_of_one_endpoint_each():
    assert len({endpoint.name for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert len({endpoint.path for endpoint in ENDPOINTS}) == len(ENDPOINTS)
    assert list(HEADINGS) == [*(endpoint.name for endpoint in ENDPOINTS), *GROUPS]
    assert {endpoint.capability for endpoint in ENDPOINTS} <= set(CAPABILITIES)


def test_schemas_are_there():
    named = {schema for each in ENDPOINTS for schema in (each.schema, each.stream_schema) if schema}
    assert named
    assert {name for name in named if not (folder("schemas") / f"{name}.json").exists()} == set()


def test_every_heading_with_experiments_has_a_module_of_pytest_items():
    """Without one its rows would be in no run, and say so only as `untested`."""
    asked = {row.endpoint for row in load_catalog().values() if row.probe}
    modules = {file.stem.removeprefix("test_") for file in Path(conformance.__file__).parent.glob("test_*.py")}
    assert asked == modules


@pytest.mark.parametrize("endpoint", POSTED, ids=lambda endpoint: endpoint.name)
def test_requests_are_made_of_declared_fields(endpoint):
    load_catalog()
    fields = set(field_values(endpoint.name))
    assert set(endpoint.required) <= fields
    assert {"model", *endpoint.smallest} <= fields
    assert set(endpoint.required) <= {"model", *endpoint.smallest}
    assert set(endpoint.out_of_range) <= fields


@pytest.mark.parametrize(
    ("call", "schema"),
    [
        (Call(path="/chat/completions", body={}), "chat_completion"),
        (Call(path="/chat/completions", body={"stream": True}), "chat_completion_chunk"),
        (Call(path="/embeddings", body={"stream": True}), None),
        (Call(method="GET", path="/models"), "model_list"),
        (Call(method="GET", path="/models/m"), "model"),
        (Call(method="DELETE", path="/models/m"), None),
        (Call(method="GET", path="/chat/completions/id"), None),
        (Call(path="/zz"), None),
    ],
    ids=str,
)
def test_the_schema_of_an_answer_is_its_endpoints(call, schema):
    assert select_schema(Exchange(call=call, status=200)) == schema


def test_a_model_is_asked_where_it_is_declared_for():
    assert endpoint_for_model("embedding") is Embeddings
    assert endpoint_for_model("images") is Images
    assert {endpoint_for_model(name) for name in CAPABILITIES if name not in ("embedding", "images")} == {Chat}
    assert (capability_of("embeddings/fields/user"), capability_of("errors/x/y")) == ("embedding", "chat")
    with pytest.raises(LookupError, match="/zz"):
        endpoint_at("/zz")


def test_an_experiment_is_given_what_its_parameters_are_annotated_with():
    def both(one: Chat, two: Models) -> None: ...
    def unnamed(chat) -> None: ...
    def other(chat: str) -> None: ...

    assert endpoints_of(both) == (Chat, Models)
    for function in (unnamed, other):
        with pytest.raises(TypeError, match="annotate each parameter"):
            endpoints_of(function)


def test_every_row_with_a_probe_speaks_to_an_endpoint():
    probed = [row for row in load_catalog().values() if row.probe]
    assert all(isinstance(row.probe, Experiment) and row.probe.endpoints for row in probed)
