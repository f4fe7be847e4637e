"""`check_row` says what a row lacks, and where; and a new field is three files, of them one in the product."""

from __future__ import annotations

import filecmp
import re
from pathlib import Path

import pytest

from . import ledger
from .check_row import ROOT, check_row, main
from .scratch_clone import TOY_FILES, clone, run_python

PLACE = re.compile(r"(?:^|\s)(conformance/[\w/]+\.py):([0-9]+)")


def missing(row: str) -> list[str]:
    return [str(step) for step in check_row(row) if not step.done]


WHOLE = ("chat/fields/stop", "chat/fields/stop/string", "chat/fields/user", "chat/response/usage",
         "embeddings/fields/dimensions", "errors/chat/wrong_type/seed")  # fmt: skip


@pytest.mark.parametrize("row", WHOLE)
def test_a_row_that_is_there_lacks_nothing(row):
    assert missing(row) == []


def test_a_field_that_is_made_up_lacks_an_experiment_with_values_beside_its_neighbours():
    experiment, miniature, ids = missing("chat/fields/zq_made_up")
    assert '@probe("chat/fields/zq_made_up", values=values(VALID, NONSENSE), chance=chance.STATEMENT)' in experiment
    [(file, line)] = PLACE.findall(experiment.replace("(beside", " "))
    assert (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1].strip()
    assert "/probes/chat/" in file
    assert "servers/chat.py" in miniature
    assert ledger.COMMAND in ids


def test_an_endpoint_that_is_made_up_lacks_the_five_files_of_the_toy():
    lines = missing("rerank/fields/top_n")
    assert len(lines) == len(TOY_FILES)
    assert {file for file in TOY_FILES if any(file in line for line in lines)} == set(TOY_FILES)


def test_the_command_says_by_its_status_whether_anything_is_missing(capsys):
    assert (main(["chat/response/usage"]), main(["chat/fields/zq_made_up"]), main([])) == (0, 1, 2)
    assert "zq_made_up" in capsys.readouterr().out


def test_the_golden_lists_are_up_to_date():
    assert ledger.outdated() == []


def test_a_list_that_is_not_up_to_date_is_named_and_written_by_the_command(tmp_path, monkeypatch, capsys):
    stale = tmp_path / "rows.txt"
    stale.write_text("old\n")
    monkeypatch.setattr(ledger, "golden_lists", lambda: {stale: "new\n"})
    assert (ledger.main([]), stale.read_text()) == (1, "old\n")
    assert ledger.COMMAND in capsys.readouterr().out
    assert (ledger.main(["--write"]), stale.read_text()) == (0, "new\n")


PROBE = '''

@probe("completions/fields/preamble", values=values("Once upon a time.", 7), chance=chance.GREEDY_TEXT)
def preamble(completions: Completions) -> Observation:
    """Text that stands before every prompt: it adds its tokens."""
    votes = []
    for prompt, control in completions.find_repeatable_controls(2):
        answer = completions.ask(prompt, preamble="Once upon a time.")
        votes.append((answer.prompt_tokens or 0) > (control.prompt_tokens or 0))
    return weigh(votes, seen="it adds tokens", absent="the prompt stays as it was", unclear="it adds tokens to one")
'''


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def changed(folder: Path) -> set[str]:
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    kept = (file for file in files if "__pycache__" not in file.parts)
    return {
        str(file) for file in kept if not (ROOT / file).exists() or not filecmp.cmp(folder / file, ROOT / file, False)
    }


def test_a_new_field_is_three_files_and_check_row_leads_there(tmp_path):
    row = "completions/fields/preamble"
    folder = clone(tmp_path, files=())

    def check() -> tuple[int, str]:
        ended = run_python(
            folder, "-m", "conformance.selftests.check_row", row, "errors/completions/wrong_type/preamble"
        )
        return ended.returncode, ended.stdout

    assert "missing  an experiment" in check()[1]
    with (folder / "conformance/probes/completions.py").open("a", encoding="utf-8") as module:
        module.write(PROBE)
    status, text = check()
    assert status == 1
    assert "missing  the miniature that honours everything is supported (it is ignored" in text
    edit(
        folder / "conformance/selftests/servers/completions.py",
        "        return [encode(given_prompt)]\n",
        '        return [encode(body.get("preamble", "") + given_prompt)]\n',
    )
    assert run_python(folder, "-m", "conformance.selftests.ledger", "--write").returncode == 0
    assert check()[0] == 0
    assert changed(folder) == {
        "conformance/probes/completions.py",
        "conformance/selftests/servers/completions.py",
        "conformance/selftests/data/rows.txt",
    }
