"""The rows about the SDK's other operations: nothing that is sent has an effect, and each verdict is what is true."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from dataclasses import replace

import pytest

from conformance.checklist.operations import Operation, load_operations
from conformance.checklist.rows import is_counted
from conformance.checklist.verdicts import Evidence, Verdict
from conformance.judge.catalog import load_catalog
from conformance.judge.finalize import judge_rules
from conformance.probes.endpoints import operations as endpoint
from conformance.probes.endpoints.operations import NO_SUCH_ID, why_not_asked
from conformance.probes.operations import WITH_ROWS_OF_THEIR_OWN
from conformance.report.render.explain import format_curl
from conformance.wire.client import Address, Client
from conformance.wire.exchange_cache import MemoryExchangeCache

from .asking import MODELS, asked, examined
from .servers import HonoursEverything, made
from .servers.interface import HangError, Reply, Request, error_reply, json_reply
from .servers.operations import HasOperations, has_effect, signatures_of
from .servers.transport import listening

ROWS = [row.id for row in load_catalog().values() if row.endpoint == "operations"]
OPERATIONS = {operation.row: operation for operation in load_operations().values()}
SENT = [row for row in ROWS if not why_not_asked(OPERATIONS[row])]

S, R, B = Verdict.SUPPORTED, Verdict.REJECTED, Verdict.BROKEN
U, NOT_ASKED = Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE


def found(server, rows=SENT):
    return asked(server, rows)[0]


def verdicts(server, rows=SENT):
    return Counter(finding.verdict for finding in found(server, rows).values())


# Which rows there are


def test_every_operation_of_the_sdk_has_a_row_here_or_rows_of_its_own():
    own = [name for name in load_operations() if name.startswith(WITH_ROWS_OF_THEIR_OWN)]
    assert {OPERATIONS[row].name for row in ROWS} == set(load_operations()) - set(own)
    assert len(ROWS) > 370
    assert all(any(name.startswith(each) for name in own) for each in WITH_ROWS_OF_THEIR_OWN)


def test_what_is_recorded_of_the_sdk_tells_which_operations_require_nothing():
    """An operation that is taken for one that requires a member would be sent without it."""
    for operation in load_operations().values():
        if operation.method == "POST":
            needed = [
                {name for name, each in signature.parameters.items() if each.default is each.empty}
                - {"self", *operation.ids}
                for signature in signatures_of(operation.name)
            ]
            assert bool(operation.required) == all(needed), operation.name


# What is sent


def test_nothing_that_is_sent_has_an_effect_on_a_server_that_has_every_operation():
    server = HasOperations()
    asked(server, ROWS)
    assert len(server.requests) > len(SENT)
    assert server.effects == []


def test_whether_the_operation_is_there_or_not_no_request_creates_changes_or_deletes_anything():
    """The same of servers that have none or some, so that routes beside are asked as well."""
    for has in (lambda _: False, lambda each: each.method != "POST", lambda each: not each.ids):
        server = HasOperations(has=has)
        asked(server, ROWS)
        for request in server.requests:
            assert request.method in ("GET", "POST", "DELETE"), request
            assert request.method != "DELETE" or f"/{NO_SUCH_ID}" in request.path or "/zz" in request.path, request
            assert request.json == {} or request.body in (b"", b"--zz-boundary--\r\n"), request
        assert server.effects == []


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("moderations.create", Request(method="POST", path="/v1/moderations", body=b'{"input": "a"}')),
        ("vector_stores.create", Request(method="POST", path="/v1/vector_stores", body=b"{}")),
        ("files.delete", Request(method="DELETE", path="/v1/files/file-1")),
        ("batches.cancel", Request(method="POST", path="/v1/batches/batch-1/cancel", body=b"{}")),
        ("admin.organization.spend_limit.delete", Request(method="DELETE", path="/v1/organization/spend_limit")),
        ("images.create_variation", Request(method="POST", path="/v1/images/variations", body=b'x name="image" x')),
    ],
)
def test_the_miniature_notes_an_effect(name, request_):
    operation = load_operations()[name]
    assert has_effect(operation, request_)
    server = HasOperations()
    server.answer(request_)
    assert server.effects == [request_]


def test_an_operation_whose_smallest_request_may_have_an_effect_is_not_asked_and_says_so():
    left = {OPERATIONS[row].name for row in ROWS} - {OPERATIONS[row].name for row in SENT}
    assert {"vector_stores.create", "beta.threads.create", "realtime.client_secrets.create", "skills.create"} < left
    assert {"admin.organization.spend_limit.delete", "realtime.connect"} < left
    assert len(left) < 25
    server = HasOperations()
    told = asked(server, [f"operations/{name.replace('.', '/')}" for name in left])[0]
    assert server.requests == []
    assert {finding.verdict for finding in told.values()} == {NOT_ASKED}
    assert all(finding.reason.startswith("not asked: ") for finding in told.values())


def test_no_method_but_those_of_http_that_are_known_is_sent_without_an_id():
    for method in ("PUT", "PATCH", "DELETE"):
        operation = Operation(name="a.b", method=method, path="/a", required=("x",))
        assert why_not_asked(operation)
        with pytest.raises(ValueError, match="not asked"):
            endpoint.Operations(session=None, model="m").ask(operation)
        assert not why_not_asked(replace(operation, path="/a/{a_id}"))


# What is said


def test_a_server_that_has_all_operations_is_supported_in_all_that_are_asked():
    findings = found(HasOperations())
    assert {row: finding.reason for row, finding in findings.items() if finding.verdict is not S} == {}
    grades = {OPERATIONS[row].name: finding.evidence for row, finding in findings.items()}
    assert grades["files.retrieve"] is grades["files.create"] is Evidence.PARSED
    assert grades["files.list"] is Evidence.ACCEPTED


def test_a_server_that_has_none_is_rejected_in_all_with_one_request_each():
    server = HonoursEverything()
    has = ("/chat/", "/models/", "/beta/responses/")
    findings, exchanges = asked(server, [row for row in SENT if not any(part in row for part in has)])
    assert {finding.verdict for finding in findings.values()} == {R}
    assert {finding.reason for finding in findings.values()} == {"absent: 404, as for a route that cannot exist"}
    assert len(exchanges) <= len(findings) + 4


def later(reply):
    """A reply that says when it was given, and under which number."""
    numbers = itertools.count()
    return lambda request: reply(request, next(numbers))


ABSENT = {
    "in plain text": lambda _: Reply(
        status=404, headers=(("content-type", "text/plain"),), body=b"404 page not found"
    ),
    "in a bare word": lambda _: json_reply({"detail": "Not Found"}, 404),
    "with 501": lambda _: error_reply(501, "not implemented"),
    "as a page, never twice the same": later(
        lambda request, number: Reply(
            status=404,
            headers=(("content-type", "text/html; charset=utf-8"),),
            body=f"<h1>{request.path}</h1><script nonce={'abc' * number}></script>".encode(),
        )
    ),
    "with the time and a number": later(
        lambda request, number: json_reply(
            {"time": f"2026-11-21T23:00:{number % 60:02}Z", "id": f"req_{number}", "path": request.path}, 404
        )
    ),
    "with the whole address": lambda request: error_reply(404, f"http://mini.test{request.path} is unknown"),
    "with the end of the path": lambda request: error_reply(404, f"unknown: {request.path.rpartition('/')[2]}"),
    "with a path that is cut": lambda request: error_reply(404, f"Invalid URL ({request.path[:31]})"),
    "with slashes escaped": lambda request: Reply(
        status=404,
        headers=(("content-type", "application/json"),),
        body=b'{"error": "no %s"}' % request.path.replace("/", "\\/").encode(),
    ),
}


@pytest.mark.parametrize("words", ABSENT)
def test_however_a_server_says_that_a_route_is_absent_each_is_absent(words):
    assert verdicts(HasOperations(has=lambda _: False, no_route=ABSENT[words])) == {R: len(SENT)}


@pytest.mark.parametrize("words", ABSENT)
def test_and_each_that_is_there_is_told_from_it(words):
    assert verdicts(HasOperations(no_route=ABSENT[words])) == {S: len(SENT)}


def test_a_server_that_answers_200_to_every_route_is_supported_in_none():
    assert verdicts(made("ok_to_all")) == {U: len(SENT)}
    assert verdicts(made("html_to_all")) == {U: len(SENT)}


def test_where_every_other_get_gives_a_page_what_is_got_with_200_is_not_told_and_the_rest_is():
    def page(request: Request) -> Reply:
        if request.method != "GET":
            return error_reply(404, "no such route")
        return Reply(headers=(("content-type", "text/html"),), body=b"<html>")

    unclear = {row for row, each in found(HasOperations(no_route=page)).items() if each.verdict is U}
    assert unclear == {
        row
        for row in SENT
        if OPERATIONS[row].method == "GET" and not OPERATIONS[row].ids and not OPERATIONS[row].required
    }


def test_a_part_of_a_path_that_is_taken_for_an_id_is_no_operation():
    taken = {
        "beta.agents.sessions.list": "beta.agents.retrieve",
        "beta.threads.create_and_run": "beta.threads.update",
    }
    server = HasOperations(has=lambda each: each.name in taken.values())
    for name, other in taken.items():
        one, two = found(server, [load_operations()[each].row for each in (name, other)]).values()
        assert (one.verdict, two.verdict) == (R, S)
        assert "which cannot exist" in one.reason


def test_a_404_that_may_be_about_the_id_is_not_called_absence():
    some = ("files.list", "files.retrieve", "files.delete", "batches.retrieve")
    silent = HasOperations(has=lambda each: each.name in some, no_such=lambda *_: error_reply(404, "Not Found"))
    silent.no_route = lambda _: error_reply(404, "Not Found")
    said = {row: each.verdict for row, each in found(silent).items() if each.verdict is not R}
    assert said == {
        "operations/files/list": S,
        **dict.fromkeys((f"operations/files/{each}" for each in ("retrieve", "delete", "content")), U),
        "operations/files/retrieve_content": U,
    }


def test_it_is_absence_where_the_server_says_of_another_request_that_it_does_not_know_the_id():
    some = ("models.list", "models.retrieve")
    server = HasOperations(has=lambda each: each.name in some, wrong_method=ABSENT["in a bare word"])
    server.no_route = ABSENT["in a bare word"]
    assert verdicts(server, ["operations/models/delete"]) == {R: 1}
    server.has = lambda each: each.name == "models.list"
    assert verdicts(server, ["operations/models/delete"]) == {U: 1}


def test_another_method_than_the_servers_is_absence():
    server = HasOperations(has=lambda each: each.name == "files.list")
    assert found(server, ["operations/files/create"])["operations/files/create"].reason == "absent: 405 to POST"


@pytest.mark.parametrize(
    ("reply", "due"),
    [
        (lambda _: error_reply(401, "You have insufficient permissions"), U),
        (lambda _: error_reply(403, "no"), U),
        (lambda _: error_reply(403, f"no leave for {NO_SUCH_ID}, `file` or `purpose`"), U),
        (lambda _: error_reply(429, "slow down"), U),
        (lambda _: error_reply(400, "This model does not do that"), U),
        (lambda _: error_reply(404, "This model does not do that"), U),
        (lambda _: Reply(status=302, headers=(("location", "/elsewhere"),)), U),
        (lambda _: error_reply(405, "no"), R),
        (lambda _: error_reply(501, "no"), R),
        (lambda _: error_reply(500, "boom"), B),
        (lambda _: json_reply({}), S),
    ],
)
def test_what_an_operation_that_is_there_answers_decides(reply, due):
    few = ["operations/files/list", "operations/files/retrieve", "operations/files/create", "operations/files/delete"]
    assert verdicts(HasOperations(always=reply), few) == {due: 4}


@pytest.mark.parametrize(
    ("row", "status", "body"),
    [
        (
            "operations/moderations/create",
            422,
            {"detail": [{"type": "missing", "loc": ["body", "input"], "msg": "m"}]},
        ),
        ("operations/moderations/create", 400, {"error": "input is required"}),
        ("operations/files/retrieve", 404, {"error": {"message": "File not found"}}),
        (
            "operations/beta/threads/runs/retrieve",
            404,
            {"error": {"message": f"No run found with id '{NO_SUCH_ID}'."}},
        ),
        ("operations/vector_stores/retrieve", 404, {"message": "Vector store does not exist"}),
        ("operations/batches/cancel", 404, {"error": {"message": "unknown batch"}}),
        ("operations/files/delete", 400, {"error": {"message": "Invalid `file_id`"}}),
    ],
)
def test_a_refusal_that_names_what_is_wrong_shows_that_the_operation_is_there(row, status, body):
    seen = found(HasOperations(always=lambda _: json_reply(body, status)), [row])[row]
    assert (seen.verdict, seen.evidence) == (S, Evidence.PARSED)
    assert str(status) in seen.reason


@pytest.mark.parametrize(
    ("row", "status", "body"),
    [
        ("operations/admin/organization/roles/retrieve", 404, {"error": "control not found"}),
        ("operations/webhooks/create", 400, {"error": {"type": "x", "name": "y", "url": "z", "message": "no"}}),
        ("operations/moderations/create", 400, {"error": "no inputs here, no input_type"}),
        ("operations/files/retrieve", 404, {"error": "files are not supported"}),
    ],
)
def test_a_refusal_whose_keys_or_other_words_are_like_a_member_names_nothing(row, status, body):
    assert verdicts(HasOperations(always=lambda _: json_reply(body, status)), [row]) == {U: 1}


def test_a_server_that_fails_on_routes_that_are_not_there_is_accused_of_nothing():
    assert verdicts(HasOperations(no_route=lambda _: error_reply(500, "boom"))) == {U: len(SENT)}


def test_another_operation_that_fails_is_no_fault_of_this_one():
    """`files.list` is asked too, to judge a 404 to `files.retrieve`."""
    server = HasOperations(has=lambda each: each.name == "files.list", always=lambda _: error_reply(500, "boom"))
    assert verdicts(server, ["operations/files/retrieve"]) == {R: 1}


class Hangs:
    """Does not answer routes of files."""

    def __init__(self, part):
        self.part, self.asked = part, 0

    def answer(self, request):
        if self.part in request.path:
            self.asked += 1
            raise HangError
        return error_reply(404, "no")


def test_a_server_that_hangs_on_unknown_routes_is_waited_for_four_times_at_most():
    server = Hangs("/")
    assert verdicts(server) == {U: len(SENT)}
    assert server.asked <= 4


def test_an_operation_that_hangs_is_broken():
    assert verdicts(Hangs("/v1/files"), ["operations/files/list"]) == {B: 1}


class Endless:
    """Has one list, which never ends."""

    def answer(self, request):
        if request.path != "/v1/files":
            return error_reply(404, "no")
        return Reply(body=self.pieces())

    def pieces(self):
        while True:
            time.sleep(0.01)
            yield b" "


def test_an_answer_without_an_end_is_left(monkeypatch):
    monkeypatch.setattr(endpoint, "MAX_READ_SECONDS", 0.2)
    with listening(Endless()) as url:
        client = Client(address=Address(base_url=url), cache=MemoryExchangeCache(), deadline=30)
        seen = examined("operations/files/list", client.send)
    assert seen.verdict is S
    assert seen.seconds < 10


# What else the answers have a part in


def test_no_rule_judges_them():
    page = HasOperations(has=lambda _: False, no_route=ABSENT["in plain text"])
    _, exchanges = asked(page, SENT[:20])
    assert {each.call.purpose for each in exchanges} == {"existence"}
    judged = judge_rules(exchanges, models=MODELS, selected=load_catalog())
    assert {finding.verdict for row, finding in judged.items() if row.startswith("errors/")} == {U}


def test_the_headers_and_queries_of_the_sdk_are_sent():
    server = HasOperations()
    asked(server, ["operations/vector_stores/list", "operations/beta/responses/retrieve", "operations/files/create"])
    sent = {request.path: request for request in server.requests}
    assert sent["/v1/vector_stores"].headers["openai-beta"] == "assistants=v2"
    assert sent["/v1/vector_stores"].query == "limit=1"
    assert sent[f"/v1/responses/{NO_SUCH_ID}"].query == "beta=true"
    assert sent["/v1/files"].headers["content-type"].startswith("multipart/form-data; boundary=")


def test_all_rows_together_take_no_longer_than_their_requests():
    """On a socket, with the overhead of a row: two seconds are a quiet machine's, and this one may be busy."""
    with listening(HonoursEverything()) as url:
        client = Client(address=Address(base_url=url), cache=MemoryExchangeCache())
        began = time.process_time()
        for row in ROWS:
            examined(row, client.send)
        assert time.process_time() - began < 8


def test_they_are_not_counted_and_all_others_are():
    assert {row.endpoint for row in load_catalog().values() if not is_counted(row.id)} == {"operations"}


def test_the_command_of_a_form_names_its_one_content_type():
    _, exchanges = asked(HasOperations(), ["operations/files/create"])
    commands = [format_curl(each) for each in exchanges]
    assert [command.count("content-type") for command in commands] == [1] * len(exchanges)
    assert all("multipart/form-data" in command for command in commands)


def test_a_long_answer_is_compared_at_once():
    began = time.process_time()
    assert verdicts(HasOperations(always=lambda _: error_reply(404, "a" * 100_000)), SENT[:3]) == {U: 3}
    assert time.process_time() - began < 3
