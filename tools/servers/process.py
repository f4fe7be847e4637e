"""Commands and servers as processes: run to the end, or kept until they are no longer needed."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_MAX_STOP_SECONDS = 10
_LOG_LINES = 15


class ToolError(Exception):
    """What could not be done, in words for a terminal."""


def say(text: str) -> None:
    """Tell the user something; the standard output is the URL's alone."""
    sys.stderr.write(f"{Path(sys.argv[0]).name}: {text}\n")
    sys.stderr.flush()


@contextmanager
def lock(file: Path) -> Iterator[None]:
    """Wait until no other process holds the lock; it falls with its holder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another install is running, waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def run_step(what: str, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
    """Run one step of an install with low priority, its output on the standard error.

    Raises:
        ToolError: it failed.
    """
    say(what)
    started = time.monotonic()
    done = subprocess.run(  # noqa: S603 (our own arguments, no shell)
        ["nice", "-n", "10", *command],  # noqa: S607
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        check=False,
    )
    if done.returncode:
        raise ToolError(f"{what}: {Path(command[0]).name} failed with status {done.returncode}, see above")
    say(f"done in {time.monotonic() - started:.0f} s")


def find_free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    *,
    environ: Mapping[str, str],
    log: Path,
    ready: str,
    seconds: float,
    folder: Path | None = None,
) -> Iterator[None]:
    """Start a server, wait until the URL `ready` answers with 2xx, and stop the server whatever happens.

    It has a session of its own, so that control-C reaches us alone and its workers are stopped with it. `seconds`
    bounds the start; what the server prints goes to the file `log`. It works in `folder`, where models may lie: some
    servers tell their paths, and a report should hold none of this machine.

    Raises:
        ToolError: it ended or does not answer in time; the message quotes the end of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)  # not overwritten: another server of this version may write to it still
    with log.open("wb") as output:
        server = subprocess.Popen(  # noqa: S603
            list(command),
            cwd=folder,
            env={**os.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, ready, log, seconds)
        yield
    finally:
        _stop(server)


def _wait_until_ready(server: "subprocess.Popen[bytes]", ready: str, log: Path, seconds: float) -> None:
    """Wait until the URL answers well.

    Raises:
        ToolError: the server ended, or the time is over.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with opener.open(ready, timeout=5):
                return
        except OSError:  # urllib's own errors are among them
            time.sleep(0.2)
    end = "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])
    why = "does not answer" if server.poll() is None else f"ended with status {server.returncode}"
    raise ToolError(f"the server {why} ({ready}); the end of {log}:\n{end}")


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """Stop the server and all of its session: asked first, killed where that does not help."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, number)
            server.wait(timeout=_MAX_STOP_SECONDS)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def run_command(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run the user's command and return its status as a shell would.

    Raises:
        ToolError: there is no such command.
    """
    try:
        child = subprocess.Popen(command, env={**os.environ, **environ})  # noqa: S603
    except OSError as error:
        raise ToolError(f"cannot run {command[0]}: {error.strerror}") from error
    try:
        status = child.wait()
    except BaseException:
        child.terminate()
        child.wait()
        raise
    return status if status >= 0 else 128 - status
