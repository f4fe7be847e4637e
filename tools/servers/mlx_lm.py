"""mlx-lm's server, on a CPU. It reads the folder of safetensors that transformers writes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import transformers
from .process import find_free_port, serving
from .server import Address, OtherServer, pip_install, program_of
from .weights import export_smollm2

VERSION = "0.32.2"
MLX = "0.32.4"


def install(home: Path) -> None:
    """Install it, and transformers in an environment of its own."""
    pip_install(home, f"mlx-lm=={VERSION}", f"mlx[cpu]=={MLX}")
    transformers.SERVER.ensure_installed()


@contextmanager
def serve(home: Path) -> Iterator[Address]:
    """Serve the chat model."""
    port = find_free_port()
    export_smollm2(program_of(transformers.SERVER.home, "python"), home / "smollm2")
    command = [program_of(home, "mlx_lm.server"), "--model", "smollm2", "--host", "127.0.0.1", "--port", str(port)]
    (home / "hf" / "hub").mkdir(parents=True, exist_ok=True)
    environ = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "hf")}
    root = f"http://127.0.0.1:{port}"
    log, ready = home / "serve.log", f"{root}/health"
    with serving(command, environ=environ, log=log, ready=ready, seconds=300, folder=home):
        yield Address(base_url=f"{root}/v1", model="default_model")


SERVER = OtherServer(name="mlx-lm", version=VERSION, about="the server of mlx-lm", install=install, serve=serve)
