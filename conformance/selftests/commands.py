"""The command as its users start it: a process of its own, in a folder and an environment of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock
from typing import Any

import conformance
from conformance.report.files import read_report

from .servers import EMBEDDING_MODEL, Reply, Request, Server, made

ROOT = Path(conformance.__file__).parents[1]
"""The checkout."""

PATIENCE = 100.0
"""Seconds that a command may take on a busy machine before a test gives up."""

EMBEDDINGS = ("--embedding-model", EMBEDDING_MODEL)
"""Options with which nothing but embeddings is asked: the quickest run."""

_OURS = ("OPENAI_", "OLLAMA_", "PYTEST_", "GITHUB_", "XDIST_")


def environ_of(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which nothing of the caller's steers a run, with a temp folder that can be looked into."""
    temp = folder / "temp"
    temp.mkdir(exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "PYTHONPATH": str(ROOT), "TMPDIR": str(temp), "COLUMNS": "120", **(more or {})}


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all it printed."""

    status: int
    text: str


@contextmanager
def begun(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    python: tuple[str, ...] = ("conformance",),
) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs, in a process group of its own, of which nothing outlives the context.

    -P: as for the installed command, modules in the working folder are not ours.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-m", *python, *arguments],
        cwd=folder,
        env=environ_of(folder, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if group_lives(process.pid):
                os.killpg(process.pid, signal.SIGKILL)


def group_lives(group: int) -> bool:
    """Whether a process group still has processes."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def ended(process: subprocess.Popen[str]) -> Ended:
    """The end of a command: also of the processes it started, which hold its terminal."""
    text = process.communicate(timeout=PATIENCE)[0]
    return Ended(process.returncode, text)


def command(folder: Path, *arguments: str, **settings: Any) -> Ended:
    """Run the command to its end."""
    with begun(folder, *arguments, **settings) as process:
        return ended(process)


def reported(folder: Path, name: str = "generic.partial") -> dict[str, Any]:
    """The report that a run wrote."""
    return read_report(folder / "reports" / name)


def verdicts_of(report: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Row -> verdict and reason, of the rows that were asked."""
    rows = {row["id"]: (row["verdict"], row["reason"]) for row in report["rows"]}
    return {name: found for name, found in rows.items() if found[0] != "untested"}


def files(folder: Path) -> dict[str, bytes]:
    """What lies in a folder, but for its temp folder."""
    found = (file for file in folder.rglob("*") if file.is_file())
    return {
        name: file.read_bytes() for file in found if not (name := str(file.relative_to(folder))).startswith("temp")
    }


@dataclass(kw_only=True)
class Watched:
    """Notes every request, and tells the key in every error, as a careless server does."""

    inner: Server = field(default_factory=lambda: made("honours_everything"))
    seen: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        """The reply, with the key put into an error."""
        self.seen.append(request)
        reply = self.inner.answer(request)
        key = request.headers.get("authorization", "none")
        if reply.status < 400 or not isinstance(reply.body, bytes):
            return reply
        return Reply(status=reply.status, body=reply.body.replace(b'"message":"', f'"message":"{key}: '.encode()))

    @property
    def posted(self) -> list[Request]:
        """The requests that ask a model."""
        return [request for request in self.seen if request.method == "POST"]


@dataclass(kw_only=True)
class Gate:
    """Answers so many POST requests, and holds the next ones until it is opened."""

    count: int
    inner: Server = field(default_factory=lambda: made("honours_everything"))
    reached: Event = field(default_factory=Event)
    opened: Event = field(default_factory=Event)
    _lock: Lock = field(default_factory=Lock)

    def answer(self, request: Request) -> Reply:
        """The reply, late."""
        with self._lock:
            self.count -= request.method == "POST"
            held = self.count < 0
        if held:
            self.reached.set()
            self.opened.wait(PATIENCE)
        return self.inner.answer(request)
