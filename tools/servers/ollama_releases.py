"""Ollama's releases as Go finds them, and the page on OpenAI compatibility of each.

A release is 5 to 30 MB, its page some kilobytes: pages are kept in a cache folder, and a release that Go has not got
already is thrown away again.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from conformance.checklist.claims import version_key
from conformance.report.documentation.parse import find_checkboxes

from .go_module import fetch_source, run_go
from .process import ToolError, say

MODULE = "github.com/ollama/ollama"
MAX_GAP = 2
"""Patch numbers in a row that were never released, before the next minor version is looked for."""

Facts = TypeVar("Facts")


def find_releases(after: str) -> list[str]:
    """Return all releases after one, the oldest first: those that Go lists, and what counting on from it finds.

    The list alone will not do: a module proxy may list only versions that somebody has asked it for.
    """
    listed = (word for word in run_go("list", "-m", "-versions", MODULE).stdout.split())
    found = {word for word in listed if re.fullmatch(r"v\d+\.\d+\.\d+", word)}
    found |= set(count_on(after, lambda version: version in found or _is_released(version)))
    return sorted((version for version in found if version_key(version) > version_key(after)), key=version_key)


def count_on(after: str, is_released: Callable[[str], bool]) -> Iterator[str]:
    """Yield the releases that follow one: by patch, then by minor version, until there is none."""
    major, minor, patch = version_key(after)
    while True:
        missing = 0
        while missing < MAX_GAP:
            patch += 1
            version = f"v{major}.{minor}.{patch}"
            missing = 0 if (known := is_released(version)) else missing + 1
            if known:
                yield version
        minor, patch = minor + 1, -1
        if not is_released(f"v{major}.{minor}.0"):
            return


def _is_released(version: str) -> bool:
    done = run_go("list", "-m", f"{MODULE}@{version}", environ={"GOPROXY": _find_proxies()})
    return done.returncode == 0


def _find_proxies() -> str:
    """Return Go's proxies: never the repository itself, which is far larger than a release."""
    proxies = re.split("[,|]", run_go("env", "GOPROXY").stdout.strip())
    return ",".join(proxy for proxy in proxies if proxy not in ("direct", "off")) or "off"


def read_page(version: str, cache: Path) -> str:
    """Return the page of a release, from the cache or out of its source.

    Raises:
        ToolError: the source cannot be had, or has no such page.
    """
    kept = cache / f"{version}.md"
    if not kept.exists():
        say(f"{version}: fetching its source")
        present = run_go("env", "GOMODCACHE").stdout.strip()
        with tempfile.TemporaryDirectory(prefix="ollama-claims-") as scratch:
            environ = {
                "GOMODCACHE": scratch,
                "GOFLAGS": "-modcacherw",
                "GOPROXY": f"file://{present}/cache/download,{_find_proxies()}",
            }
            page = find_page(fetch_source(MODULE, version, environ))
            cache.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(page.read_bytes())
    return kept.read_text(encoding="utf-8")


def find_page(source: Path) -> Path:
    """Return the page on OpenAI compatibility: the one in `docs` of that name that has a checklist.

    Raises:
        ToolError: there is none, or several.
    """
    named = sorted(file for file in (source / "docs").rglob("*openai*") if file.suffix in (".md", ".mdx"))
    pages = [file for file in named if find_checkboxes(file.read_text(encoding="utf-8"))]
    if len(pages) != 1:
        told = ", ".join(str(page.relative_to(source)) for page in pages) or "none"
        raise ToolError(f"{source.name}: one page with a checklist is due in docs, there is: {told}")
    return pages[0]


def read_each(versions: Sequence[str], read: Callable[[str], Facts]) -> dict[str, Facts]:
    """Return what is read of each release, and read as few as tell: between two that agree, all others agree too."""
    known = {version: read(version) for version in (*versions[:1], *versions[-1:])}

    def fill(low: int, high: int) -> None:
        if known[versions[low]] == known[versions[high]]:
            known.update(dict.fromkeys(versions[low:high], known[versions[low]]))
        elif high - low > 1:
            middle = (low + high) // 2
            known[versions[middle]] = read(versions[middle])
            fill(low, middle)
            fill(middle, high)

    if versions:
        fill(0, len(versions) - 1)
    return {version: known[version] for version in versions}
