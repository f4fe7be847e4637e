"""LiteLLM's proxy, a gateway: before an Ollama with the suite's models, by two of its ways to it.

As `litellm` it takes Ollama for an OpenAI (provider `openai/`), as `litellm-ollama` it speaks Ollama's native API
(`ollama_chat/`, `ollama/`). It demands a key.
"""

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import ToolError, find_free_port, run_step, serving
from .server import Address, OtherServer, pip_install, program_of

VERSION = "1.100.5"
OLLAMA = "v0.24.0"

_FIXTURES = {
    "chat": "openai-conformance-smollm2-135m-instruct",
    "vision": "openai-conformance-smollm2-135m-instruct-vision",
    "embeddings": "openai-conformance-all-minilm-l6-v2",
}
"""Name at the gateway -> model of the Ollama behind it."""


def install(home: Path) -> None:
    """Install it, and the Ollama behind it."""
    pip_install(home, f"litellm[proxy]=={VERSION}")
    run_step(f"installing Ollama {OLLAMA}", [_ollama_tool(), OLLAMA, "--install-only"])


@contextmanager
def serve_as_openai(home: Path) -> Iterator[Address]:
    """Serve with the provider `openai/`."""
    with _ollama() as url:
        models = {name: {"model": f"openai/{model}", "api_base": f"{url}/v1", "api_key": "none"}
                  for name, model in _FIXTURES.items()}  # fmt: skip
        with _serve(home, models) as address:
            yield address


@contextmanager
def serve_natively(home: Path) -> Iterator[Address]:
    """Serve with the providers `ollama_chat/` and `ollama/`."""
    with _ollama() as url:
        models = {name: {"model": f"{'ollama' if name == 'embeddings' else 'ollama_chat'}/{model}", "api_base": url}
                  for name, model in _FIXTURES.items()}  # fmt: skip
        with _serve(home, models) as address:
            yield address


@contextmanager
def _serve(home: Path, models: dict[str, dict[str, str]]) -> Iterator[Address]:
    """Serve models: name -> how LiteLLM reaches it."""
    port = find_free_port()
    key = f"sk-{secrets.token_hex(8)}"
    config = home / f"config-{port}.yaml"
    entries = [{"model_name": name, "litellm_params": reach} for name, reach in models.items()]
    settings = {"telemetry": False, "num_retries": 0}
    document = {
        "model_list": entries, "general_settings": {"master_key": key}, "litellm_settings": settings
    }  # fmt: skip
    config.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML
    command = [program_of(home, "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    root = f"http://127.0.0.1:{port}"
    # Else it fetches its price list from elsewhere at the start.
    environ = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    ready = f"{root}/health/liveliness"
    try:
        with serving(command, environ=environ, log=home / "serve.log", ready=ready, seconds=300):
            yield Address(
                base_url=f"{root}/v1", key=key, model="chat", vision_model="vision", embedding_model="embeddings"
            )
    finally:
        config.unlink()


@contextmanager
def _ollama() -> Iterator[str]:
    """Run an Ollama with the suite's models; yield its URL."""
    server = subprocess.Popen([_ollama_tool(), OLLAMA], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        line = server.stdout.readline() if server.stdout else ""
        url = re.match(r"http://\S+", line)
        if url is None:
            raise ToolError(f"Ollama {OLLAMA} does not start, see above")
        prepare = [sys.executable, "-m", "conformance", "models", "prepare", "--base-url", url[0]]
        run_step("preparing the suite's models", prepare)
        yield url[0]
    finally:
        server.terminate()
        server.wait()


def _ollama_tool() -> str:
    return str(Path(__file__).parent.parent / "ollama-server")


SERVER = OtherServer(
    name="litellm",
    version=VERSION,
    about=f"LiteLLM's proxy before Ollama {OLLAMA}, as if that were an OpenAI",
    install=install,
    serve=serve_as_openai,
)

NATIVE = OtherServer(
    name="litellm-ollama",
    version=VERSION,
    about=f"LiteLLM's proxy before Ollama {OLLAMA}, by its native API",
    install=install,
    serve=serve_natively,
    shares="litellm",
)
