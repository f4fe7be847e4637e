"""llama-cpp-python's own server: one process with both models, of which the last that was asked is in memory."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import find_free_port, serving
from .server import Address, OtherServer, pip_install, program_of
from .weights import smollm2_gguf, write_minilm_gguf

VERSION = "0.3.36"


def install(home: Path) -> None:
    """Build it from source, which takes 20 minutes on two cores."""
    # Not for this very processor: what a virtual machine's one promises may be an illegal instruction there.
    build = {"CMAKE_BUILD_PARALLEL_LEVEL": "2", "CMAKE_ARGS": "-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF"}
    pip_install(home, f"llama-cpp-python[server]=={VERSION}", environ=build)


@contextmanager
def serve(home: Path) -> Iterator[Address]:
    """Serve both models."""
    port = find_free_port()
    # One thread: several wait for each other at each step, which on a busy machine takes seconds a token.
    shared = {"n_threads": 1, "n_threads_batch": 1, "verbose": False}
    chat = {"model": str(smollm2_gguf()), "model_alias": "smollm2", "n_ctx": 2048}
    embeds = {"model": str(write_minilm_gguf(home / "minilm.gguf")), "model_alias": "minilm", "n_ctx": 512}
    config = home / f"config-{port}.json"
    models = [chat | shared, embeds | shared | {"embedding": True}]
    config.write_text(json.dumps({"host": "127.0.0.1", "port": port, "models": models}), encoding="utf-8")
    url = f"http://127.0.0.1:{port}/v1"
    command = [program_of(home, "python"), "-m", "llama_cpp.server", "--config_file", str(config)]
    try:
        with serving(command, environ={}, log=home / "serve.log", ready=f"{url}/models", seconds=120):
            yield Address(base_url=url, model="smollm2", embedding_model="minilm")
    finally:
        config.unlink()


SERVER = OtherServer(
    name="llama-cpp-python", version=VERSION, about="llama.cpp in Python, with FastAPI", install=install, serve=serve
)
