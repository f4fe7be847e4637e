"""The source of a Go module at a version, fetched by Go."""

# ruff: noqa: S603, S607 - it runs go, found on the PATH
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .process import ToolError


def run_go(*arguments: str, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command of Go to its end, outside any module, and return what it said.

    Raises:
        ToolError: there is no Go.
    """
    if shutil.which("go") is None:
        raise ToolError("`go` is needed, and is not on the PATH")
    return subprocess.run(
        ["go", *arguments],
        env={**os.environ, "GOWORK": "off", **(environ or {})},
        cwd=Path(os.path.sep),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def fetch_source(module: str, version: str, environ: Mapping[str, str] | None = None) -> Path:
    """Return the folder with the source of a module at a version, fetched once by Go.

    Raises:
        ToolError: it cannot be had.
    """
    done = run_go("mod", "download", "-json", f"{module}@{version}", environ=environ)
    try:
        facts: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        facts = {"Error": done.stderr.strip()}
    if "Dir" not in facts:
        raise ToolError(f"go cannot fetch {module}@{version}: {facts.get('Error', 'no reason given')}")
    return Path(facts["Dir"])
