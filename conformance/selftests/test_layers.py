"""Which package may import which. `docs/architecture.md` shows the same as a picture."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent

DATA = {"wire.exchange", "wire.sse", "wire.json_text"}
"""Modules of `wire` that reach no network: what was sent and received, as data."""

ALLOWED = {
    "errors": set(),
    "files": set(),
    "checklist": {"errors"},
    "wire": {"errors", "files"},
    "probes": {"checklist", *DATA},
    "judge": {"probes", "checklist", *DATA},
    "report": {"judge", "probes", "checklist", "errors", "files", *DATA},
    "targets": {"checklist", "errors", "files"},
    "runner": {"report", "judge", "probes", "checklist", "wire", "targets", "errors", "files"},
    "cli": {"runner", "report", "judge", "checklist", "targets", "errors"},
}
"""Package -> what of ours it may import besides itself."""

NETWORK = {"httpx", "httpcore", "socket", "urllib.request", "http.server", "openai"}
EDGE = {"wire", "targets", "runner"}
"""Packages that reach the network."""


def room_of(file: Path) -> str:
    """The package at the top in which a file lies, or the module itself."""
    return file.relative_to(HERE).with_suffix("").parts[0]


def product() -> list[Path]:
    return sorted(file for file in HERE.rglob("*.py") if "selftests" not in file.relative_to(HERE).parts)


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
    return [file for file in product() if room_of(file) == package]


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_lies_below_it(package):
    allowed = ALLOWED[package] | {package}
    assert modules(package)
    for file in modules(package):
        ours = {name.removeprefix("conformance.") for name in imports(file) if name.startswith("conformance.")}
        bad = {name for name in ours if not any(name == ok or name.startswith(ok + ".") for ok in allowed)}
        assert bad == set(), file


def test_every_module_lies_in_a_package_with_a_rule_and_at_the_top_there_are_only_the_doors():
    doors = {"__init__", "__main__", *(file.stem for file in HERE.glob("test_*.py"))}
    assert {room_of(file) for file in product()} == set(ALLOWED) | doors


def test_nothing_but_the_edge_reaches_the_network():
    for file in product():
        if room_of(file) not in EDGE:
            assert imports(file) & NETWORK == set(), file


def test_no_probe_and_no_judge_knows_a_server_by_its_name():
    for package in ("probes", "judge"):
        for file in modules(package):
            names = {
                node.value.lower()
                for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 30
            }
            assert not names & {"ollama", "llama.cpp", "vllm", "openai", "embedded"}, file
