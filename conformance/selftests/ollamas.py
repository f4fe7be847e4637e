"""Miniature Ollamas: what their native API tells of models, and what it keeps."""

import hashlib
import json
import threading
import time

import httpx

from conformance.selftests.servers import CHAT_MODEL, EMBEDDING_MODEL, HonoursEverything, InProcess, Reply
from conformance.selftests.servers.behaviours import ROUTES, renamed, with_body
from conformance.selftests.servers.honours import model_of
from conformance.selftests.servers.interface import error_reply, json_reply


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


class FakeOllama:
    """What an Ollama keeps: blobs and models, and one model at a time in memory.

    It may be asked by several threads at once. Below `/v1` it honours everything, in the name of any model.
    """

    def __init__(self, *, cannot_create=(), cannot_load=(), load_seconds=0.0):
        """Names in `cannot_create` and `cannot_load` fail so; each change of model takes `load_seconds`."""
        self.blobs = {}
        self.models = {"the/users:latest": {}}
        self.created = []
        self.cannot_create, self.cannot_load = cannot_create, cannot_load
        self.load_seconds = load_seconds
        self.busy = 0
        """So many of the next requests for a model find the queue full."""
        self.loaded = []
        """The models as they were loaded, one pushing out the other."""
        self.inner = HonoursEverything()
        self.lock = threading.Lock()

    def client(self):
        return httpx.Client(transport=InProcess(self))

    def answer(self, request):
        path = request.path
        if path.startswith("/api/blobs/"):
            return self.blob(request, path.removeprefix("/api/blobs/"))
        if path == "/api/version":
            return json_reply({"version": "0.24.0"})
        if path == "/api/tags":
            return json_reply({"models": [tagged(name, 1) for name in self.models]})
        if path == "/v1/models":
            data = [model_of(name) for name in self.models]
            return json_reply({"object": "list", "data": data or None})
        body = request.json
        name = body.get("model") if isinstance(body, dict) else None
        if path == "/api/create":
            return self.create(name, body)
        if name not in self.models:
            return error_reply(404, f"model '{name}' not found") if path in ROUTES else gone(name)
        if path == "/api/show":
            return json_reply(self.models[name])
        if path == "/api/delete":
            del self.models[name]
            return json_reply(None)
        assert path in ("/api/generate", "/api/embed", *ROUTES)
        return self.unable(name) or (self.infer(request, name, body) if path in ROUTES else json_reply({}))

    def unable(self, name):
        """The reply where the model cannot answer now; it is loaded otherwise."""
        with self.lock:
            if self.busy:
                self.busy -= 1
                return json_reply({"error": "server busy, please try again"}, 503)
            if name in self.cannot_load:
                return json_reply({"error": "unable to load model"}, 500)
            if self.loaded[-1:] != [name]:
                self.loaded.append(name)
                time.sleep(self.load_seconds)
        return None

    def infer(self, request, name, body):
        own = EMBEDDING_MODEL if request.path == "/v1/embeddings" else CHAT_MODEL
        return renamed(self.inner.answer(with_body(request, body | {"model": own})), name)

    def blob(self, request, digest):
        if request.method == "HEAD":
            return Reply(status=200 if digest in self.blobs else 404)
        assert digest not in self.blobs, "a blob that is there was sent again"
        assert digest == f"sha256:{hashlib.sha256(request.body).hexdigest()}"
        assert int(request.headers["content-length"]) == len(request.body)
        self.blobs[digest] = request.body
        return Reply(status=201)

    def create(self, name, body):
        self.created.append(name)
        assert set(body["files"].values()) <= set(self.blobs)
        last = {"error": "unknown architecture"} if name in self.cannot_create else {"status": "success"}
        if "error" not in last:
            self.models[name] = body
        lines = [{"status": "parsing GGUF"}, last]
        return Reply(body="".join(json.dumps(line) + "\n" for line in lines).encode())


def gone(name):
    return json_reply({"error": f"model '{name}' not found"}, 404)
