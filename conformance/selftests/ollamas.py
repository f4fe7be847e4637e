"""Miniature Ollamas: what their native API tells of models, and what it keeps."""

import hashlib
import json

import httpx


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
