"""A copy of the checkout with the files of the toy endpoint put in, in which Python is run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOY = Path(__file__).with_name("toy_endpoint")

TOY_FILES = tuple(sorted(str(file.relative_to(TOY)) for file in TOY.rglob("*.*") if file.suffix in (".py", ".json")))
"""All that a new endpoint needs, by their places in the checkout."""

_SECONDS = 300
"""What a script may take on a busy machine."""


def clone(folder: Path, files: tuple[str, ...] = TOY_FILES) -> Path:
    """Copy package and schemas to a folder, add files of the toy, none of which may be there already, return it."""
    for name in ("conformance", "schemas"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in files:
        if (folder / name).exists():
            raise FileExistsError(f"{name}: a new endpoint adds files and changes none")
        shutil.copy(TOY / name, folder / name)
    return folder


def run_python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with arguments in a clone, and return how it ended and what it printed."""
    environ = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def evaluate_script(folder: Path, script: str) -> Any:
    """Return the JSON that a script prints in a clone.

    Raises:
        RuntimeError: it failed; the text is what it wrote to standard error.
    """
    ended = run_python(folder, "-c", script)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return json.loads(ended.stdout)
