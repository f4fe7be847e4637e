"""The target of a run: which one is chosen, what it is, which models it has. No model, no server."""

import hashlib
import json

import httpx
import pytest

from conformance.targets.address import DEFAULT_OLLAMA, api_base, is_openai, ollama_host, root_of
from conformance.targets.choose import Choice, choose
from conformance.targets.detect import Server, detect
from conformance.targets.errors import TargetError
from conformance.targets.fixtures.models import CHAT, EMBEDDINGS, FixtureModel
from conformance.targets.ollama import NAMESPACE, Model, discover, version
from conformance.targets.prepare import FIXTURE_IDS, PREPARED, OllamaModel, prepare, remove

OLLAMA = Server(kind="ollama", version="0.24.0")
GENERIC = Server(kind="generic")


@pytest.mark.parametrize(
    ("written", "base"),
    [
        # the table of TestHost in Ollama's envconfig/config_test.go, then what a client makes of it
        ("", "http://127.0.0.1:11434/v1"),
        ("1.2.3.4", "http://1.2.3.4:11434/v1"),
        (":1234", "http://127.0.0.1:1234/v1"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234/v1"),
        ("example.com", "http://example.com:11434/v1"),
        ("example.com:1234", "http://example.com:1234/v1"),
        (":66000", "http://127.0.0.1:11434/v1"),
        (":-1", "http://127.0.0.1:11434/v1"),
        ("[::1]", "http://[::1]:11434/v1"),
        ("[::]", "http://[::1]:11434/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("[::1", "http://[::1]:11434/v1"),
        ("[::1]:1337", "http://[::1]:1337/v1"),
        (" 1.2.3.4 ", "http://1.2.3.4:11434/v1"),
        ('"1.2.3.4"', "http://1.2.3.4:11434/v1"),
        (' " 1.2.3.4 " ', "http://1.2.3.4:11434/v1"),
        ("'1.2.3.4'", "http://1.2.3.4:11434/v1"),
        ("http://1.2.3.4", "http://1.2.3.4:80/v1"),
        ("http://1.2.3.4:4321", "http://1.2.3.4:4321/v1"),
        ("https://1.2.3.4", "https://1.2.3.4:443/v1"),
        ("https://1.2.3.4:4321", "https://1.2.3.4:4321/v1"),
        ("https://example.com/ollama", "https://example.com:443/ollama/v1"),
        ("https://example.com/ollama/", "https://example.com:443/ollama/v1"),
        ("ollama.com", "https://ollama.com:443/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),  # noqa: S104 - what a server listens on
        ("0.0.0.0:8080", "http://127.0.0.1:8080/v1"),
        ("[::]:8080", "http://[::1]:8080/v1"),
        ("http://0.0.0.0:8080/", "http://127.0.0.1:8080/v1"),
        ("http://[::1]", "http://[::1]:80/v1"),
        ("host:", "http://host:11434/v1"),
        ("http://host:", "http://host:80/v1"),
        ("host:1234/prefix", "http://host:1234/prefix/v1"),
    ],
)
def test_ollama_host_is_read_as_ollama_reads_it(written, base):
    assert ollama_host(written) == base


@pytest.mark.parametrize("written", ["unix:///run/ollama.sock", "ftp://host", "http://a@b"])
def test_an_ollama_host_that_no_client_can_use_is_refused(written):
    with pytest.raises(TargetError, match="OLLAMA_HOST"):
        ollama_host(written)


@pytest.mark.parametrize(
    ("written", "base"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000//", "http://localhost:8000/v1"),
        ("https://gate.example/a/b", "https://gate.example/a/b/v1"),
        ("https://gate.example/a/b/v1/", "https://gate.example/a/b/v1"),
        ("localhost:8000", "http://localhost:8000/v1"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
        ("https://gate.example/api/paas/v4", "https://gate.example/api/paas/v4"),
        ("https://gate.example/v1beta/openai/", "https://gate.example/v1beta/openai"),
        ("https://gate.example/v1x2y/", "https://gate.example/v1x2y"),
        ("https://gate.example/openai", "https://gate.example/openai/v1"),
    ],
)
def test_a_base_url_ends_in_its_version(written, base):
    assert api_base(written) == base


@pytest.mark.parametrize(
    "written", ["", "http://", "ftp://host", "http://host:port", "http://host?a=b", "http://a:b@host", "http://[::1"]
)
def test_what_is_no_base_url_is_refused(written):
    with pytest.raises(TargetError, match="--base-url"):
        api_base(written)


def test_a_password_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(TargetError) as caught:
        api_base("http://me:secret@host")
    assert "secret" not in str(caught.value)


def test_the_native_api_lies_beside_the_version():
    assert root_of("http://host/prefix/v1") == "http://host/prefix"


@pytest.mark.parametrize(
    ("url", "theirs"),
    [
        ("https://api.openai.com/v1", True),
        ("https://eu.api.openai.com./v1", True),
        ("https://API.OpenAI.com/v1", True),
        ("https://notopenai.com/v1", False),
        ("https://host/api.openai.com/v1", False),
    ],
)
def test_openai_itself_is_known(url, theirs):
    assert is_openai(url) is theirs


def looking(**servers):
    """Answer as the named servers do: their base URL's host, with its port if it has one."""

    def look(base_url):
        host = base_url.split("/")[2]
        if host not in servers:
            raise TargetError(f"cannot reach {base_url}: connection refused")
        return servers[host]

    return look


def chosen(base_url=None, target=None, environ=None, **servers):
    return choose(base_url=base_url, target=target, environ=environ or {}, look=looking(**servers))


LOCAL = {"127.0.0.1:11434": OLLAMA}
VARIABLES = {"OPENAI_BASE_URL": "http://sdk", "OLLAMA_HOST": "http://ollama:11434"}
EVERYBODY = {"option": GENERIC, "sdk": GENERIC, "ollama:11434": OLLAMA} | LOCAL


@pytest.mark.parametrize(
    ("base_url", "target", "environ", "kind", "url", "key"),
    [
        ("http://option", None, VARIABLES, "generic", "http://option/v1", True),
        (None, None, VARIABLES, "generic", "http://sdk/v1", True),
        (None, None, VARIABLES | {"OPENAI_BASE_URL": " "}, "ollama", "http://ollama:11434/v1", False),
        (None, None, {"OLLAMA_HOST": '""'}, "ollama", DEFAULT_OLLAMA, False),
        (None, None, {}, "ollama", DEFAULT_OLLAMA, False),
        (None, "ollama", VARIABLES, "ollama", "http://ollama:11434/v1", False),
        (None, "ollama", {"OPENAI_BASE_URL": "http://sdk"}, "ollama", DEFAULT_OLLAMA, False),
        (None, "openai", VARIABLES, "generic", "http://sdk/v1", True),
        ("http://ollama:11434", "openai", {}, "generic", "http://ollama:11434/v1", True),
        ("ollama:11434", "ollama", {}, "ollama", "http://ollama:11434/v1", True),
        (None, "embedded", VARIABLES, "embedded", None, False),
    ],
)
def test_the_first_that_is_named_is_asked(base_url, target, environ, kind, url, key):
    choice = chosen(base_url, target, environ, **EVERYBODY)
    assert (choice.kind, choice.base_url, choice.key_from_environment) == (kind, url, key)


def test_without_any_server_the_embedded_one_is_asked():
    choice = chosen()
    assert choice.line == ("asking the embedded server: nothing was named, and no Ollama answers on its default port")


def test_what_answers_on_the_default_port_must_be_an_ollama():
    assert chosen(**{"127.0.0.1:11434": GENERIC}).kind == "embedded"


def test_the_line_names_server_version_and_reason():
    assert chosen(**LOCAL).line == (
        "asking Ollama 0.24.0 at http://127.0.0.1:11434/v1: it answers on its default port"
    )


@pytest.mark.parametrize(
    ("base_url", "target", "environ", "message"),
    [
        ("http://gone", None, {}, r"cannot reach http://gone/v1: connection refused \(--base-url\)"),
        (None, None, {"OPENAI_BASE_URL": "http://gone"}, "OPENAI_BASE_URL is set"),
        (None, None, {"OLLAMA_HOST": "gone"}, "OLLAMA_HOST is set"),
        (None, "ollama", {"OLLAMA_HOST": "gone"}, "cannot reach http://gone:11434/v1"),
        ("http://option", "ollama", {}, "not an Ollama"),
        ("http://option", "embedded", {}, "leave out --base-url"),
        (None, "openai", {"OLLAMA_HOST": "ollama"}, "needs --base-url"),
        (None, None, {"OPENAI_BASE_URL": "https://api.openai.com/v1"}, "paid for"),
        (None, "openai", {"OPENAI_BASE_URL": "https://eu.api.openai.com"}, "paid for"),
        (None, None, {"OPENAI_BASE_URL": "nonsense://"}, "OPENAI_BASE_URL: "),
    ],
)
def test_what_is_named_is_never_replaced_by_the_next(base_url, target, environ, message):
    with pytest.raises(TargetError, match=message):
        chosen(base_url, target, environ, **EVERYBODY)


def test_target_ollama_needs_one_on_its_default_port():
    with pytest.raises(TargetError, match="none runs on its default port"):
        chosen(target="ollama")
    with pytest.raises(TargetError, match="not an Ollama"):
        chosen(target="ollama", **{"127.0.0.1:11434": GENERIC})


def test_openai_is_asked_when_an_option_names_it_and_is_not_looked_at():
    choice = chosen("https://api.openai.com")
    assert choice == Choice(
        kind="generic", base_url="https://api.openai.com/v1", why="--base-url", key_from_environment=True
    )


def serving(**routes):
    """Return a client of a server that answers these paths with JSON, text or a function of the request."""

    def answer(request):
        route = routes.get(request.url.path)
        if callable(route):
            return route(request)
        if isinstance(route, str):
            return httpx.Response(200, text=route)
        return httpx.Response(404, text="404 page not found") if route is None else httpx.Response(200, json=route)

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("routes", "server"),
    [
        ({"/api/version": {"version": "0.24.0"}}, OLLAMA),
        ({"/props": {"build_info": "b5000-abc"}}, Server(kind="llama.cpp", version="b5000-abc")),
        ({"/props": {"default_generation_settings": {}}}, Server(kind="llama.cpp")),
        ({"/api/version": "<html>hello</html>", "/props": "[]"}, GENERIC),
        ({"/api/version": {"version": 3}, "/props": {"other": 1}}, GENERIC),
        ({"/api/version": {"version": "\x1b[2J"}}, GENERIC),
        ({"/api/version": {"version": "9" * 1000}}, GENERIC),
        ({"/api/version": "[" * 100_000}, GENERIC),
        ({}, GENERIC),
        ({"/api/version": lambda _: httpx.Response(401, json={"version": "1"})}, GENERIC),
    ],
)
def test_the_kind_of_a_server_is_seen(routes, server):
    assert detect(serving(**routes), "http://host/v1") == server


def test_the_kind_is_seen_below_a_prefix():
    client = serving(**{"/prefix/api/version": {"version": "0.24.0"}})
    assert detect(client, "http://host/prefix/v1") == OLLAMA


def refusing(error):
    def answer(_):
        raise error

    return httpx.Client(transport=httpx.MockTransport(answer))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), "Connection refused"),
        (httpx.ConnectTimeout(""), "no connection in time"),
        (httpx.ReadTimeout(""), "does not answer in time"),
        (httpx.RemoteProtocolError("Server disconnected"), "Server disconnected"),
    ],
)
def test_a_server_that_does_not_answer_is_named(error, words):
    with pytest.raises(TargetError, match=f"cannot reach http://host/api/version: .*{words}"):
        detect(refusing(error), "http://host/v1")


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_is_not_the_server(status):
    client = serving(**{"/api/version": lambda _: httpx.Response(status, text="Bad Gateway")})
    with pytest.raises(TargetError, match=f"a gateway answers {status} in its place"):
        detect(client, "http://host/v1")


def test_an_endless_answer_is_cut():
    def endless():
        while True:
            yield b"x" * 1_000_000

    client = serving(**{"/api/version": lambda _: httpx.Response(200, content=endless())})
    with pytest.raises(TargetError, match="sends more than 16384 KB"):
        detect(client, "http://host/v1")


# -- models ---------------------------------------------------------------------------------------------------


def tagged(name, size, *, family="llama", **more):
    details = {"family": family, "families": [family]}
    return {"name": name, "size": size, "digest": f"digest of {name}", "details": details} | more


def ollama_with(*models, shown, number="0.24.0", **routes):
    """Return a client of an Ollama with these models; `shown` is what /api/show says of each."""

    def show(request):
        name = json.loads(request.content)["model"]
        return httpx.Response(200, json=shown[name]) if name in shown else httpx.Response(404, json={"error": "gone"})

    return serving(
        **{"/api/version": {"version": number}, "/api/tags": {"models": list(models)}, "/api/show": show} | routes
    )


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
    with pytest.raises(TargetError, match=r"no model 'absent' .*there: large:latest, .*ollama pull absent"):
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
    with pytest.raises(TargetError, match=message):
        discover(ollama_with(shown={}, **{"/api/tags": tags}), "http://host/v1")


@pytest.mark.parametrize("models", [None, []])
def test_an_ollama_without_models_has_none(models):
    client = ollama_with(shown={}, **{"/api/tags": {"models": models}})
    assert ids(client) == {}


def test_the_version_is_told():
    assert version(ollama_with(shown={}, number="0.6.8"), "http://host/v1") == "0.6.8"


# -- the suite's own models in a server -----------------------------------------------------------------------


class FakeOllama:
    """What an Ollama keeps: blobs and models. Names in `unable` cannot be created, or not loaded."""

    def __init__(self, *, cannot_create=(), cannot_load=()):
        self.blobs = {}
        self.models = {"the/users:latest": {}}
        self.created = []
        self.cannot_create, self.cannot_load = cannot_create, cannot_load
        self.busy = 0

    def client(self):
        return httpx.Client(transport=httpx.MockTransport(self.answer))

    def answer(self, request):
        path = request.url.path
        if path.startswith("/api/blobs/"):
            return self.blob(request, path.removeprefix("/api/blobs/"))
        if path == "/api/version":
            return httpx.Response(200, json={"version": "0.24.0"})
        if path == "/api/tags":
            return httpx.Response(200, json={"models": [tagged(name, 1) for name in self.models]})
        body = json.loads(request.read())
        name = body["model"]
        if path == "/api/create":
            return self.create(name, body)
        if name not in self.models:
            return httpx.Response(404, json={"error": f"model '{name}' not found"})
        if path == "/api/show":
            return httpx.Response(200, json=self.models[name])
        if path == "/api/delete":
            del self.models[name]
            return httpx.Response(200)
        assert path in ("/api/generate", "/api/embed")
        if self.busy:
            self.busy -= 1
            return httpx.Response(503, json={"error": "server busy, please try again"})
        failed = name in self.cannot_load
        return httpx.Response(500 if failed else 200, json={"error": "unable to load model"} if failed else {})

    def blob(self, request, digest):
        if request.method == "HEAD":
            return httpx.Response(200 if digest in self.blobs else 404)
        assert digest not in self.blobs, "a blob that is there was sent again"
        content = request.read()
        assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert int(request.headers["content-length"]) == len(content)
        self.blobs[digest] = content
        return httpx.Response(201)

    def create(self, name, body):
        self.created.append(name)
        assert set(body["files"].values()) <= set(self.blobs)
        last = {"error": "unknown architecture"} if name in self.cannot_create else {"status": "success"}
        if "error" not in last:
            self.models[name] = body
        lines = [{"status": "parsing GGUF"}, last]
        return httpx.Response(200, content="".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def own_models(tmp_path):
    """Two models as ours are, of small files."""

    class Tiny(FixtureModel):
        def fetch_files(self, *, progress):
            progress("fetched")
            files = {"model.gguf": tmp_path / "model.gguf", "projector.gguf": tmp_path / "projector.gguf"}
            for name, path in files.items():
                path.write_text(name)
            return files

    def made(model):
        return Tiny(
            name=model.name,
            capabilities=frozenset(),
            wheel=model.wheel,
            folder="",
            template=model.template,
            stop=("x",),
        )

    return (
        OllamaModel(name="chat", fixture=made(CHAT), answers_for=("completion",), parameters={"num_ctx": 512}),
        OllamaModel(name="seeing", fixture=made(CHAT), answers_for=("vision",), with_projector=True),
        OllamaModel(name="vectors", fixture=made(EMBEDDINGS), answers_for=("embedding",)),
    )


def ignore(_):
    """Show no progress."""


def test_preparing_puts_the_models_there_once(own_models):
    server = FakeOllama()
    done = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert done.ready == tuple(f"{NAMESPACE}-{name}:latest" for name in ("chat", "seeing", "vectors"))
    assert done.failed == {}
    assert sorted(server.blobs.values()) == [b"model.gguf", b"projector.gguf"]
    chat, seeing, vectors = (server.models[name] for name in done.ready)
    assert chat["parameters"] == {"repeat_penalty": 1.0, "num_thread": 1, "num_ctx": 512, "stop": ["x"]}
    assert [sorted(model["files"]) for model in (chat, seeing)] == [["model.gguf"], ["model.gguf", "projector.gguf"]]
    assert "template" not in vectors
    again = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert again == done
    assert len(server.created) == 3


def test_a_model_of_an_older_recipe_is_made_anew(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    server.models[own_models[0].id]["license"] = "recipe 0"
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert server.created.count(own_models[0].id) == 2


def test_what_a_server_cannot_create_or_load_is_named_and_not_left_behind(own_models):
    chat, seeing, vectors = (model.id for model in own_models)
    server = FakeOllama(cannot_create=[vectors], cannot_load=[seeing])
    done = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert done.ready == (chat,)
    assert done.failed == {
        seeing: "load: 500 unable to load model",
        vectors: "create: unknown architecture",
    }
    assert set(server.models) == {chat, "the/users:latest"}


def test_a_model_of_the_suite_is_known_by_its_recipe_whatever_manifest_the_server_wrote(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    server.models.pop("the/users:latest")
    chat = own_models[0].id
    found = discover(server.client(), "http://host/v1", fixtures={"completion": chat}).by_capability["completion"]
    assert found.id == chat
    assert found.digest == f"recipe:{server.models[chat]['license'].rpartition(' ')[2]}"


def test_a_busy_server_is_waited_for(own_models, monkeypatch):
    monkeypatch.setattr("conformance.targets.prepare._PAUSE_SECONDS", 0.0)
    server = FakeOllama()
    server.busy = 3
    assert prepare(server.client(), "http://host/v1", progress=ignore, models=own_models).failed == {}


def test_removing_takes_exactly_the_suites_models(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert remove(server.client(), "http://host/v1", progress=ignore, models=own_models) == tuple(
        model.id for model in own_models
    )
    assert set(server.models) == {"the/users:latest"}
    assert remove(server.client(), "http://host/v1", progress=ignore, models=own_models) == ()


def test_the_suites_models_cover_every_capability_under_names_of_their_own():
    assert set(FIXTURE_IDS) == {"completion", "tools", "insert", "vision", "embedding", "thinking"}
    assert len({model.id for model in PREPARED}) == len(PREPARED)
    assert all(model.id.startswith("openai-conformance") for model in PREPARED)
