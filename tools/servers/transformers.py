"""The server of the transformers library, `transformers serve`. It has no route for embeddings."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import find_free_port, serving
from .server import Address, OtherServer, pip_install, program_of
from .weights import EXPORT_NEEDS, export_smollm2

VERSION = "5.23.0"
TORCH = "2.13.0"


def install(home: Path) -> None:
    """Install the library with what its server and our weights need."""
    packages = [f"torch=={TORCH}", f"transformers[serving]=={VERSION}", *EXPORT_NEEDS]
    pip_install(home, *packages)


@contextmanager
def serve(home: Path) -> Iterator[Address]:
    """Serve the chat model, which is asked for by the name of its folder."""
    port = find_free_port()
    export_smollm2(program_of(home, "python"), home / "smollm2")
    (home / "hf" / "hub").mkdir(parents=True, exist_ok=True)  # without it GET /v1/models is a 500
    command = [program_of(home, "transformers"), "serve", "./smollm2", "--host", "127.0.0.1", "--port", str(port)]
    environ = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf"), "OMP_NUM_THREADS": "1"}
    root = f"http://127.0.0.1:{port}"
    log, ready = home / "serve.log", f"{root}/health"
    with serving([*command, "--device", "cpu"], environ=environ, log=log, ready=ready, seconds=300, folder=home):
        yield Address(base_url=f"{root}/v1", model="./smollm2")


SERVER = OtherServer(
    name="transformers", version=VERSION, about="the server of the transformers library", install=install, serve=serve
)
