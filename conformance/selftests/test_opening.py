"""A target opened in the process: models, digests, hints, and what stops a run before it begins."""

from functools import partial

import pytest

from conformance.errors import UsageError
from conformance.runner.cost import estimate_cost
from conformance.runner.selected_rows import select_rows
from conformance.selftests.ollamas import FakeOllama
from conformance.selftests.openings import controller_of, options, reported
from conformance.selftests.servers import CHAT_MODEL, listening, made
from conformance.selftests.servers.interface import Reply, json_reply
from conformance.targets import opening
from conformance.targets.detect import Server, detect
from conformance.targets.fixtures.models import FixtureModel
from conformance.targets.ollama import Model
from conformance.targets.opening import open_target
from conformance.targets.prepare import FIXTURE_IDS, PREPARED

BLIND = FIXTURE_IDS["vision"]
"""Our model for pictures, which a server may be unable to load."""

ABLE = {
    "chatty:latest": {"capabilities": ["completion", "tools", "insert"]},
    "seeing:latest": {"capabilities": ["completion", "vision"]},
    "vectors:latest": {"capabilities": ["embedding"]},
}


@pytest.fixture
def small_files(monkeypatch, tmp_path):
    """Our models of a few bytes each."""

    def fetch_files(self, *, progress):
        progress(f"{self.name} is fetched")
        files = {name: tmp_path / name for name in ("model.gguf", "projector.gguf")}
        for name, path in files.items():
            path.write_text(name)
        return files

    monkeypatch.setattr(FixtureModel, "fetch_files", fetch_files)


def target_of(server, folder, **given):
    with listening(server) as url, open_target(options(url, **given), {}, folder, lambda _: None) as target:
        return target


def ollama(**given):
    server = FakeOllama(**given)
    server.models = dict(ABLE)
    return server


PICTURE = "chat/fields/messages/image/base64"


@pytest.mark.usefixtures("small_files")
def test_a_model_that_the_server_cannot_load_is_in_hints_and_report(tmp_path):
    server = FakeOllama(cannot_load=[BLIND])
    server.models = {}
    said = []
    with listening(server) as url:
        controller = controller_of(url, tmp_path, said, prepare=True)
        report, lines = reported(controller, [PICTURE, "chat/fields/model"])
        controller.close()
    error = "load: 500 unable to load model"
    told = " ".join(" ".join(lines).split())  # lines are wrapped
    assert f"not asked: no model for vision: {BLIND} cannot be used ({error}); try `ollama pull moondream`" in told
    assert f"note: {BLIND} cannot be used on this server: {error}" in told
    assert report["notes"] == report["target"]["notes"] == [f"{BLIND} cannot be used on this server: {error}"]
    rows = {row["id"]: row for row in report["rows"]}
    assert (rows[PICTURE]["verdict"], rows[PICTURE]["exchanges"]) == ("not_applicable", [])
    assert rows["chat/fields/model"]["verdict"] == "supported"
    assert not [line for line in lines if "--prepare" in line]


@pytest.mark.usefixtures("small_files")
def test_every_model_is_known_by_its_digest(tmp_path):
    target = target_of(FakeOllama(), tmp_path, prepare=True)
    assert {model.id for model in target.models.values()} == {model.id for model in PREPARED}
    assert {"writes", "small_context", "native"} < set(target.models)
    assert {model.digest.partition(":")[0] for model in target.models.values()} == {"recipe"}
    assert (target.notes, target.hints) == ((), ())


ROLES = {"model": "chat", "tools_model": "tools", "insert_model": "insert", "vision_model": "vision"}


@pytest.mark.parametrize(("option", "role"), [*ROLES.items(), ("thinking_model", "thinking")])
def test_a_model_that_an_option_names_comes_with_its_digest(tmp_path, option, role):
    target = target_of(ollama(), tmp_path, **{option: "SEEING"})
    assert target.models[role] == Model(id="seeing:latest", digest="digest of seeing:latest")


def test_without_leave_nothing_is_written(tmp_path):
    server = ollama()
    target = target_of(server, tmp_path)
    assert not {"writes", "small_context"} & set(target.models)
    assert (server.models, server.created) == (ABLE, [])
    assert "no model for thinking: try `ollama pull qwen3:0.6b`, or --prepare for the suite's own" in target.hints


@pytest.mark.parametrize("given", [{}, {"embedding_model": "vectors"}])
def test_an_embedding_model_may_lie_on_another_ollama(tmp_path, given):
    other = FakeOllama()
    other.models = {"vectors:latest": ABLE["vectors:latest"]}
    mine = FakeOllama()
    mine.models = {"chatty:latest": ABLE["chatty:latest"]}
    with listening(other) as there:
        target = target_of(mine, tmp_path, embedding_base_url=there, **given)
    assert target.embedding_base_url == there
    assert target.models["embedding"] == Model(id="vectors:latest", digest="digest of vectors:latest")


def test_an_ollama_without_models_says_what_to_do(tmp_path):
    server = FakeOllama()
    server.models = {}
    with pytest.raises(
        UsageError, match=r"no model of http.* can be asked: .*`ollama pull smollm2:135m`, or --prepare"
    ):
        target_of(server, tmp_path)


class Lists:
    """Answers /v1/models so, and nothing else."""

    def __init__(self, body):
        self.body = body

    def answer(self, request):
        return json_reply(self.body, 200 if request.path == "/v1/models" else 404)


@pytest.mark.parametrize(
    ("body", "listed"),
    [
        ({"object": "list", "data": None}, "none"),
        ({"object": "list", "data": []}, "none"),
        ({"data": 7}, "none"),
        ({"data": [{"id": 7}, None, "x"]}, "none"),
        ([], "none"),
        ({"data": [{"id": "a\x1b[2J"}, {"id": "b"}]}, r"a\[2J, b"),
    ],
)
def test_a_server_without_one_model_asks_for_its_name(tmp_path, body, listed):
    with pytest.raises(UsageError, match=f"name the model to ask with --model; .*/models lists {listed}"):
        target_of(Lists(body), tmp_path)


class Pages:
    """A web server that has no API at all."""

    def answer(self, _request):
        return Reply(status=404, headers=(("content-type", "text/html"),), body=b"<p>Not here.</p>")


def test_a_server_that_is_no_openai_api_is_told_by_what_came(tmp_path):
    with pytest.raises(UsageError, match=r"does not look like an OpenAI API: GET .*/v1/models gives 404, text/html"):
        target_of(Pages(), tmp_path)
    with listening(Pages()) as url:
        controller = controller_of(url, tmp_path, [], model="m")
        with pytest.raises(UsageError, match=r"is this an OpenAI API\? POST .* gives 404, text/html"):
            controller.open()
        controller.close()


@pytest.mark.parametrize("near", [True, False])
def test_what_a_run_may_cost_is_told_of_servers_elsewhere(tmp_path, monkeypatch, near):
    monkeypatch.setattr("conformance.runner.controller.is_this_machine", lambda _: near)
    said = []
    with listening(made("honours_everything")) as url:
        controller = controller_of(url, tmp_path, said, model=CHAT_MODEL)
        controller.open(select_rows("chat/fields/stop", ""))
        controller.close()
    told = [line for line in said if "requests and" in line]
    cost = estimate_cost(select_rows("chat/fields/stop", ""))
    assert told == ([] if near else [cost.describe("127.0.0.1")])


def test_the_only_model_of_a_server_is_asked(tmp_path):
    target = target_of(Lists({"data": [{"id": "it"}]}), tmp_path)
    assert {role: model.id for role, model in target.models.items()} == dict.fromkeys(
        ("chat", "tools", "insert"), "it"
    )
    assert len(target.hints) == 4


def test_a_model_that_fails_at_its_first_request_is_named_and_its_rows_are_inconclusive(tmp_path):
    said = []
    with listening(ollama(cannot_load=["seeing:latest"])) as url:
        controller = controller_of(url, tmp_path, said)
        report, _ = reported(controller, [PICTURE, "chat/fields/model"])
        controller.close()
    warning = "warning: vision model 'seeing:latest' (--vision-model): status 500: unable to load model"
    assert any(line.startswith(warning) for line in said)
    rows = {row["id"]: row for row in report["rows"]}
    assert rows[PICTURE]["verdict"] == "inconclusive"
    assert "unable to load model" in rows[PICTURE]["reason"]
    assert rows["chat/fields/model"]["verdict"] == "supported"


def test_where_no_model_answers_nothing_is_measured(tmp_path):
    with listening(ollama(cannot_load=list(ABLE))) as url:
        controller = controller_of(url, tmp_path, [])
        with pytest.raises(UsageError, match=r"no model can be asked: .*status 500: unable to load model"):
            controller.open()
        controller.close()


def test_an_address_that_hangs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "detect", partial(detect, seconds=0.3))
    with pytest.raises(UsageError, match=r"cannot reach .*: it does not answer in time \(--base-url\)"):
        target_of(made("hangs"), tmp_path)


def test_a_server_that_hangs_once_it_is_known_is_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "detect", lambda *_, **__: Server(kind="generic"))
    with listening(made("hangs")) as url:
        controller = controller_of(url, tmp_path, [], model="m", deadline=0.1)
        with pytest.raises(UsageError, match=r"no model can be asked: .*no whole answer within the deadline"):
            controller.open()
        controller.close()


def test_loading_is_charged_to_nobody_even_when_a_model_was_pushed_out(tmp_path):
    rows = [PICTURE, "chat/fields/model"]
    server = ollama(load_seconds=1.5)
    del server.models["vectors:latest"]
    with listening(server) as url:
        controller = controller_of(url, tmp_path, [], deadline=1.0)
        report, _ = reported(controller, rows)
        controller.close()
    assert server.loaded[-2:] == ["seeing:latest", "chatty:latest"]
    rows_of = {row["id"]: row["verdict"] for row in report["rows"]}
    assert {row: rows_of[row] for row in rows} == dict.fromkeys(rows, "supported")


def test_a_full_queue_is_waited_out_and_reported(tmp_path):
    server = ollama()
    with listening(server) as url:
        server.busy = 1
        controller = controller_of(url, tmp_path, [])
        report, lines = reported(controller, ["chat/fields/model"])
        controller.close()
    assert {row["id"]: row["verdict"] for row in report["rows"]}["chat/fields/model"] == "supported"
    assert report["waited"] == 1.0
    assert "note: the server said that it was busy: 1 requests waited 1 s in all" in lines


def test_a_queue_that_stays_full_is_no_measurement(tmp_path):
    server = ollama()
    server.busy = 1_000_000
    with listening(server) as url:
        controller = controller_of(url, tmp_path, [], deadline=0.1)
        with pytest.raises(UsageError, match=r"no model can be asked: .*status 503: server busy"):
            controller.open()
        controller.close()


KEYED = {"OPENAI_API_KEY": "sk-secret"}


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        (lambda port: {"OLLAMA_HOST": f"0.0.0.0:{port}"}, ""),
        (lambda port: {"OLLAMA_HOST": f":{port}"}, ""),
        (lambda port: {"OLLAMA_HOST": f"http://localhost:{port}/"}, ""),
        (lambda port: {"OPENAI_BASE_URL": f"http://localhost:{port}/v1/"}, "sk-secret"),
    ],
)
def test_an_ollama_that_a_variable_names_is_asked(tmp_path, variables, key):
    said = []
    with listening(ollama()) as url:
        environ = variables(url.rpartition(":")[2].removesuffix("/v1")) | KEYED
        with open_target(options(None), environ, tmp_path, said.append) as target:
            assert (target.kind, target.version, target.key) == ("ollama", "0.24.0", key)
            assert target.models["chat"].id == "chatty:latest"
    assert said[0].endswith(f": {next(iter(environ))} is set")


def test_an_ollama_on_the_default_port_is_asked_without_any_option(tmp_path, monkeypatch):
    said = []
    with listening(ollama()) as url:
        monkeypatch.setattr("conformance.targets.selection.DEFAULT_OLLAMA", url)
        with open_target(options(None), KEYED, tmp_path, said.append) as target:
            assert (target.kind, target.base_url, target.key) == ("ollama", url, "")
    assert said == [f"asking Ollama 0.24.0 at {url}: it answers on its default port"]
