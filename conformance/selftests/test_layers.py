"""Which package may import which: `wire.exchange <- probes <- judge <- report`; the rest is the edge."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent

ALLOWED = {
    "checklist": {"checklist"},
    "wire": {"wire"},
    "probes": {"probes", "checklist", "wire.exchange", "wire.sse"},
    "judge": {"judge", "probes", "checklist", "wire.exchange", "wire.sse", "resources"},
    "targets": {"targets", "checklist"},
}
"""Package -> what of ours it may import."""

NETWORK = {"httpx", "httpcore", "socket", "urllib.request", "http.server", "openai"}
EDGE = {
    "wire/network.py",
    "wire/recorder.py",
    "wire/sockets.py",
    "wire/sdk.py",
    "wire/asker.py",
    "images.py",
    "command.py",
}


def imports(file: Path) -> set[str]:
    package = ["conformance", *file.relative_to(HERE).parent.parts]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            found |= {module} if node.module else {f"{module}.{alias.name}" for alias in node.names}
    return found


def modules(package: str) -> list[Path]:
    return sorted((HERE / package).rglob("*.py"))


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    for file in modules(package):
        ours = {name.removeprefix("conformance.") for name in imports(file) if name.startswith("conformance.")}
        bad = {name for name in ours if not any(name == ok or name.startswith(ok + ".") for ok in ALLOWED[package])}
        assert bad == set(), file


def test_nothing_but_the_edge_reaches_the_network():
    for file in sorted(HERE.rglob("*.py")):
        name = file.relative_to(HERE).as_posix()
        if name in EDGE or name.startswith(("targets/", "selftests/")) or name == "cli.py":
            continue
        assert imports(file) & NETWORK == set(), name


def test_no_probe_and_no_judge_knows_a_server_by_its_name():
    for package in ("probes", "judge"):
        for file in modules(package):
            names = {
                node.value.lower()
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 30
            }
            assert not names & {"ollama", "llama.cpp", "vllm", "openai", "embedded"}, file
