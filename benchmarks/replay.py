"""Measure how much slower the suite is than its bare requests.

Measures a run of the suite, then replays the very same requests with a bare asynchronous client at the same
concurrency, each on a freshly started server, and prints the ratio of the wall times.

    python benchmarks/replay.py                      the embedded server
    python benchmarks/replay.py --ollama v0.24.0     an Ollama with the fixture models prepared
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from conformance.runner.image_server import serve_sample_images

HERE = Path(__file__).parent.parent


@contextmanager
def embedded() -> Iterator[list[str]]:
    """Start a fresh embedded server; yield the options that name it."""
    from conformance.targets.embedded.server import start

    with start(progress=print) as server:
        yield [
            f"--base-url={server.base_url}", f"--model={server.chat_model}", f"--vision-model={server.chat_model}",
            f"--embedding-base-url={server.embedding_base_url}", f"--embedding-model={server.embedding_model}",
        ]  # fmt: skip


@contextmanager
def ollama(version: str) -> Iterator[list[str]]:
    """Start a fresh Ollama with the fixture models; yield the options that name it."""
    command = [sys.executable, str(HERE / "tools" / "ollama-server"), version]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("no output of the server's to read")
        url = next(found.group() for line in process.stdout if (found := re.search(r"http://[\d.:]+", line)))
        subprocess.run([sys.executable, "-m", "conformance", "models", "prepare", "--base-url", url], check=True)
        yield [f"--base-url={url}"]
    finally:
        process.terminate()
        process.wait()


def measured(options: list[str], workers: int, folder: Path) -> float:
    """Wall seconds of a run of the suite."""
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "conformance", "run", *options, "-n", str(workers), f"--report-dir={folder}"],
        env={**os.environ, "NO_COLOR": "1"},
        check=False,
    )
    return time.monotonic() - began


def replayed(options: list[str], workers: int, folder: Path) -> float:
    """Wall seconds of the same requests, sent by a bare client."""
    (file,) = folder.glob("*/exchanges.jsonl")
    records = sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=lambda each: each["started"])
    urls = {key: value for key, _, value in (option.removeprefix("--").partition("=") for option in options)}
    with serve_sample_images(urls["base-url"]) as images:
        began = time.monotonic()
        asyncio.run(_replay(records, workers, urls, images))
        return time.monotonic() - began


async def _replay(records: list[dict[str, Any]], workers: int, urls: dict[str, str], images: str) -> None:
    waiting = iter(records)
    # A connection for each, as the suite has it: llama.cpp cuts some that it said it would keep.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=300, limits=limits) as client:

        async def work() -> None:
            for record in waiting:
                await _send(client, record, urls, images)

        await asyncio.gather(*(work() for _ in range(workers)))


async def _send(client: httpx.AsyncClient, record: dict[str, Any], urls: dict[str, str], images: str) -> None:
    embeds = record["call"]["server"] == "embedding"
    host = urlsplit(urls["embedding-base-url" if embeds and "embedding-base-url" in urls else "base-url"]).netloc
    url = urlsplit(record["url"])._replace(netloc=host).geturl()
    sent = re.sub(r"http://127\.0\.0\.1:\d+(?=/(checks|stripes)\.png)", images, record["sent"])
    headers = {"content-type": "application/json"} if sent else {}
    count_limit, time_limit = record["call"]["abort_after_events"], record["call"]["abort_after_seconds"]
    async with client.stream(record["call"]["method"], url, content=sent.encode(), headers=headers) as response:
        count, began = 0, 0.0
        async for _ in response.aiter_raw():
            count, began = count + 1, began or time.monotonic()
            if count_limit is not None and count >= count_limit:
                break
            if time_limit is not None and time.monotonic() - began >= time_limit:
                break


def main() -> int:
    """Measure, replay, compare; 1 when the suite is more than 1.2 times slower."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ollama", metavar="VERSION")
    parser.add_argument("-n", type=int, default=3, help="workers of the suite, and connections of the bare client")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    ratios = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            with ollama(options.ollama) if options.ollama else embedded() as server:
                suite = measured(server, options.n, Path(folder))
            with ollama(options.ollama) if options.ollama else embedded() as server:
                bare = replayed(server, options.n, Path(folder))
        ratios.append(suite / bare)
        print(f"suite {suite:.1f} s, bare replay {bare:.1f} s, ratio {suite / bare:.2f}", flush=True)
    return 0 if min(ratios) <= 1.2 else 1


if __name__ == "__main__":
    sys.exit(main())
