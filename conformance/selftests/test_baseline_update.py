"""`--update-baseline` of runs that end early: what was found is written, and nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.judge.catalog import load_catalog
from conformance.runner.controller import Controller
from conformance.runner.run_directory import SelectedItem

from .openings import controller_of, lines_of
from .servers import EMBEDDING_MODEL, listening, made

ROW = "embeddings/fields/dimensions"
KEPT = {"chat/fields/n": "supported", "embeddings/fields/user": "broken", "embeddings/fields/input": "rejected"}

ENDS: dict[str, tuple[Callable[[Controller], None], int]] = {
    "selection": (lambda _: None, 0),
    "ctrl-c": (lambda controller: controller.stop(KeyboardInterrupt()), 130),
    "exit on first failure": (lambda controller: controller.stop(pytest.Session.Failed("stopping after 1")), 2),
    "server died": (lambda controller: controller.worker.directory.abort("it takes no connections any more"), 2),
    "our own error": (lambda controller: controller.internal_errors.update({"chat/fields/n": "RuntimeError"}), 3),
}


def end_early(folder: Path, end: Callable[[Controller], None], **given: Any) -> Controller:
    """A run that asks one row of two, ends so, and is told to update `expected.json`."""
    with listening(made("honours_everything")) as url:
        options = {"baseline": str(folder / "expected.json"), "update_baseline": True, **given}
        controller = controller_of(url, folder, [], embedding_model=EMBEDDING_MODEL, **options)
        try:
            worker = controller.open()
            worker.examine(load_catalog()[ROW])
            end(controller)
            rows = (ROW, "embeddings/fields/user")
            worker.directory.write_selected({row: SelectedItem(node_id=row, location=(row, 0, row)) for row in rows})
            controller.conclude()
        finally:
            controller.close()
    return controller


@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_a_run_that_ends_early_keeps_every_other_row(
    tmp_path: Path, end: Callable[[Controller], None], status: int
) -> None:
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"baseline": {}, "verdicts": {**KEPT, ROW: "ignored"}}))
    controller = end_early(tmp_path, end)
    assert json.loads(file.read_text())["verdicts"] == {**KEPT, ROW: "supported"}
    assert f"baseline {file}: 1 rows written, 3 kept" in lines_of(controller)
    assert controller.status == status


@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_a_run_that_ends_early_begins_no_baseline_and_keeps_its_report(
    tmp_path: Path, end: Callable[[Controller], None], status: int
) -> None:
    controller = end_early(tmp_path, end)
    assert not (tmp_path / "expected.json").exists()
    assert [line for line in lines_of(controller) if line.startswith("warning: --update-baseline: ")]
    assert controller.status == (status or 2)
    assert (tmp_path / "reports/generic.partial/report.json").exists()


def test_a_shard_is_told_to_merge_first(tmp_path: Path) -> None:
    file = tmp_path / "expected.json"
    file.write_text(json.dumps({"baseline": {}, "verdicts": KEPT}))
    with pytest.raises(Exception, match="--update-baseline: a shard is no baseline"):
        end_early(tmp_path, lambda _: None, shard="1/2")
    assert json.loads(file.read_text())["verdicts"] == KEPT
