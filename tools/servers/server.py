"""What `tools/other-server` knows of a server: how it is installed, and how it is served."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from conformance.targets.fixtures.cache import cache_folder

from .process import lock, run_step


@dataclass(frozen=True, kw_only=True)
class Address:
    """A server that runs, and the models to ask it for."""

    base_url: str
    model: str
    embedding_model: str | None = None
    embedding_base_url: str | None = None
    """Where the embedding model is, if that is another process."""
    vision_model: str | None = None
    key: str | None = None

    @property
    def environ(self) -> Mapping[str, str]:
        """The variables by which the SDK, and so the suite, finds the server."""
        return {"OPENAI_BASE_URL": self.base_url, "OPENAI_API_KEY": self.key or "none"}

    @property
    def options(self) -> Sequence[str]:
        """The options of `openai-conformance run` that name the models."""
        named = {
            "--model": self.model,
            "--vision-model": self.vision_model,
            "--embedding-model": self.embedding_model,
            "--embedding-base-url": self.embedding_base_url,
        }
        return [word for option, value in named.items() if value for word in (option, value)]


@dataclass(frozen=True, kw_only=True)
class OtherServer:
    """A server that others wrote, at the version that it is pinned to."""

    name: str
    version: str
    about: str
    install: Callable[[Path], None]
    """Fills the folder of this server."""
    serve: Callable[[Path], AbstractContextManager[Address]]
    """Runs what the folder holds until the context ends."""
    shares: str | None = None
    """The name of the server whose folder it uses, where that is another one's."""

    @property
    def home(self) -> Path:
        """The folder of this version, in the cache."""
        return home_of(self.shares or self.name, self.version)

    def ensure_installed(self) -> None:
        """Install it unless it is there, or wait until another process has done so."""
        done = self.home / "installed"
        if done.exists():
            return
        with lock(self.home / "install.lock"):
            if not done.exists():
                self.install(self.home)
                done.touch()


def home_of(name: str, version: str) -> Path:
    """Return the folder of a server's version, in the suite's own cache."""
    return cache_folder() / "servers" / f"{name}-{version}"


def program_of(home: Path, name: str) -> str:
    """Return a program of the server's own environment, which is made if it is not there."""
    folder = home / "venv"
    if not (folder / "bin" / "python").exists():
        run_step("making a Python environment", [sys.executable, "-m", "venv", str(folder)])
    return str(folder / "bin" / name)


def pip_install(home: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
    """Install packages into the server's own environment."""
    pip = [program_of(home, "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run_step(f"installing {' '.join(arguments)}", [*pip, *arguments], environ)
