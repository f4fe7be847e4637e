"""Starting and stopping the embedded llama.cpp server, which runs in a process of its own."""

import json
import os
import platform
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

from conformance.errors import UsageError
from conformance.targets.embedded import child
from conformance.targets.fixtures.models import CHAT, TEXT_EMBEDDINGS

LOG_NAME = "embedded-server.log"
"""The name of llama.cpp's log in the folder given to `start`."""

MAX_PORT = 65535
_HOST = "127.0.0.1"
"""Where llama.cpp listens."""
_MAX_START_SECONDS = 120.0
_MAX_STOP_SECONDS = 2.0
_MAX_THREADS = 4  # more do not make a model of this size faster


class ServerStartError(UsageError):
    """The embedded server did not come up; the message ends with the last lines of its log."""


@dataclass(frozen=True, kw_only=True)
class EmbeddedServer:
    """A running server. Leaving its `with` block stops it; the end of this process, however it ends, does too.

    The base URLs end in `/v1`. Chat and embeddings are two instances of llama.cpp on two ports of one process.
    `log` is the file of llama.cpp's messages, None if they are dropped.
    """

    base_url: str
    embedding_base_url: str
    chat_model: str
    embedding_model: str
    version: str
    log: Path | None
    process: "subprocess.Popen[bytes]" = field(repr=False)

    def alive(self) -> bool:
        """Tell whether the server's process still runs."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End the server; more than once does no harm."""
        _end(self.process)

    def __enter__(self) -> Self:
        """Return the server itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()


def start(log_folder: Path | None = None, *, progress: Callable[[str], None], port: int = 0) -> EmbeddedServer:
    """Start the server and return it when it answers, some seconds later.

    `port`: of chat; 0 for a free one, as that of embeddings always is.

    llama.cpp's own messages go to `embedded-server.log` in `log_folder`, or nowhere. `progress` takes lines
    for the user, most of them on the first use, which fetches 93 MB.

    Raises:
        FixtureUnavailableError: the model is not cached and cannot be fetched.
        ServerStartError: llama.cpp does not come up.
    """
    _check_platform()
    files = CHAT.fetch_files(progress=progress)
    settings = child.Settings(
        weights=str(files["SmolLM2-135M-Instruct.Q4_1.gguf"]),
        projector=str(files["projector.gguf"]),
        template=CHAT.jinja_template(),
        chat_model=CHAT.name,
        embedding_model=TEXT_EMBEDDINGS.name,
        threads=_choose_threads(),
        parent=os.getpid(),
        port=port,
    )
    return launch(settings, log_folder)


def _check_platform() -> None:
    """See that llama.cpp is installed; it is a dependency only on platforms where this server can run.

    Raises:
        ServerStartError: it is not; the message says what can be done instead.
    """
    if find_spec("xllamacpp") is None:
        raise ServerStartError(
            "the embedded server needs the package xllamacpp, which is not installed: it is a dependency on Linux "
            f"(x86_64, aarch64) and macOS only, and this is {sys.platform} ({platform.machine()}); "
            "start a server of your own and name it with --base-url"
        )


def serve(log_folder: Path | None = None, *, say: Callable[[str], None], port: int = 0) -> None:
    """Start the server for use by hand and return at Ctrl-C: the body of `openai-conformance serve`.

    `port`: of chat; 0 for a free one.

    Raises:
        FixtureUnavailableError: the model is not cached and cannot be fetched.
        ServerStartError: llama.cpp does not come up.
        UsageError: the port cannot be had, or llama.cpp ended by itself.
    """
    check_port(port)
    with start(log_folder, progress=say, port=port) as server:
        try:
            say(_format_guide(server))
            status = server.process.wait()
        except KeyboardInterrupt:
            return
    raise UsageError(f"The embedded server ended by itself, with status {status}.")


def check_port(port: int) -> None:
    """See that a server can listen on a port of this machine; 0 stands for any free one.

    Raises:
        UsageError: it cannot; the message names the option.
    """
    if not 0 <= port <= MAX_PORT:
        raise UsageError(f"--port: {port}: give a port from 1 to {MAX_PORT}, or leave it out for a free one")
    try:
        with socket.socket() as probe:
            # As servers do: one that has just ended there is no hindrance.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((_HOST, port))
    except OSError as error:
        words = f"--port: {port} cannot be had ({error.strerror or error})"
        raise UsageError(f"{words}: give another, or leave it out for a free one") from error


def _format_guide(server: EmbeddedServer) -> str:
    return f"""\
chat:       {server.base_url}  (model {server.chat_model})
embeddings: {server.embedding_base_url}  (model {server.embedding_model})
Test it from another terminal, and stop it here with Ctrl-C:
    openai-conformance run --base-url {server.base_url} --model {server.chat_model} \\
        --embedding-base-url {server.embedding_base_url} --embedding-model {server.embedding_model}"""


def launch(settings: child.Settings, log_folder: Path | None = None) -> EmbeddedServer:
    """Start llama.cpp with files that are there. Raises `ServerStartError` if it does not come up."""
    with _open_log(log_folder) as log:
        process = _spawn(settings, log)
        try:
            addresses = _read_addresses(process, time.monotonic() + _MAX_START_SECONDS, log)
        except BaseException:
            _end(process)
            raise
    return EmbeddedServer(
        base_url=f"{addresses['chat']}/v1",
        embedding_base_url=f"{addresses['embeddings']}/v1",
        chat_model=settings.chat_model,
        embedding_model=settings.embedding_model,
        version=f"b{addresses['build']}" if addresses["build"] else version("xllamacpp"),
        log=log_folder / LOG_NAME if log_folder else None,
        process=process,
    )


def _spawn(settings: child.Settings, log: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start the child in a session of its own: Ctrl-C in the terminal is for the parent to decide on.

    By its path and with `-P`, so that no folder called `conformance` where the user stands is taken for ours.
    """
    process = subprocess.Popen(  # noqa: S603 (our own arguments, no shell)
        [sys.executable, "-P", "-X", "faulthandler", child.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        bufsize=0,
        start_new_session=True,
    )
    with suppress(BrokenPipeError):  # it ended at once: its silence will tell
        cast("IO[bytes]", process.stdin).write(settings.as_line())
    return process


def _read_addresses(process: "subprocess.Popen[bytes]", deadline: float, log: IO[bytes]) -> dict[str, Any]:
    """Wait for the child's one line."""
    answers = cast("IO[bytes]", process.stdout)
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([answers], [], [], max(0.0, deadline - time.monotonic()))
        if not readable:
            raise ServerStartError(f"The embedded server did not start in time.\n{_read_tail(log)}")
        chunk = answers.read(4096)
        if not chunk:
            status = process.wait()
            raise ServerStartError(f"The embedded server ended with status {status}.\n{_read_tail(log)}")
        line += chunk
    addresses: dict[str, Any] = json.loads(line)
    return addresses


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipe that the child watches, and kill it if that does not help."""
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    try:
        process.wait(_MAX_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _open_log(folder: Path | None) -> IO[bytes]:
    if folder is None:
        return tempfile.TemporaryFile()
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / LOG_NAME).open("w+b")


def _read_tail(log: IO[bytes], lines: int = 20) -> str:
    log.seek(0)
    return b"\n".join(log.read().splitlines()[-lines:]).decode(errors="replace")


def _choose_threads() -> int:
    """Half of the processors that this process may use.

    llama.cpp's threads wait for each other by spinning: seen on two processors shared with other work, two threads
    gave 1 to 3 tokens a second and one thread 22 to 42. The other half is for whoever asks.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable // 2, _MAX_THREADS))
