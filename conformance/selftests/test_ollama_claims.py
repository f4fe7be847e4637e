"""`tools/ollama-claims`: what pages of Ollama's documentation claim, release by release. No network: small pages."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"
if not TOOLS.is_dir():
    pytest.skip("tools/ is in a checkout only", allow_module_level=True)
sys.path.insert(0, str(TOOLS))

from servers import ollama_releases  # noqa: E402
from servers.ollama_claims import (  # noqa: E402
    Claim,
    UnassignedError,
    add_release,
    describe_differences,
    format_document,
    read_claims,
    start_document,
)
from servers.process import ToolError  # noqa: E402

DATA = Path(__file__).parents[1] / "checklist" / "data" / "ollama.json"


def page(*items: str, heading: str = "### /v1/chat/completions") -> str:
    return "\n".join([heading, "", "#### Supported request fields", "", *items, ""])


OLD = page("- [x] `model`", "- [ ] `seed`", "- [x] `stop`")
NEW = page("- [x] `seed`", "- [x] `model` (by name)")
AGAIN = page("- [x] `seed`", "- [x] `model` (by name)", "- [ ] `stop`")


def document_of(*pages: str) -> dict:
    document = start_document("v1.0.0")
    for number, text in enumerate(pages):
        document = add_release(document, f"v1.{number}.0", read_claims(text, {}))
    return document


def test_a_claim_is_entered_where_its_tick_or_its_wording_changes_and_ended_where_it_leaves():
    document = document_of(OLD, OLD, NEW, NEW, AGAIN)
    assert (document["first"], document["last"]) == ("v1.0.0", "v1.4.0")
    assert document["source"].endswith("every release from v1.0.0 to v1.4.0")
    said = {
        entry["row"]: [(claim["since"], claim["claimed"], claim["wording"]) for claim in entry["claims"]]
        for entry in document["boxes"]
    }
    assert said == {
        "chat/fields/model": [("v1.0.0", True, "`model`"), ("v1.2.0", True, "`model` (by name)")],
        "chat/fields/seed": [("v1.0.0", False, "`seed`"), ("v1.2.0", True, "`seed`")],
        "chat/fields/stop": [("v1.0.0", True, "`stop`"), ("v1.2.0", None, "`stop`"), ("v1.4.0", False, "`stop`")],
    }


def test_boxes_stand_in_the_order_of_the_newest_page_and_those_that_left_it_last():
    order = {entry["row"]: entry["order"] for entry in document_of(OLD, NEW)["boxes"]}
    assert list(order.items()) == [("chat/fields/seed", 0), ("chat/fields/model", 1), ("chat/fields/stop", None)]


def test_the_file_is_what_the_tool_writes():
    text = DATA.read_text(encoding="utf-8")
    assert format_document(json.loads(text)) == text


def test_a_new_field_gets_its_row_by_its_name_and_what_is_nested_in_it_too():
    text = page("- [x] `zz_new` (since today)", "  - [ ] `zz_inner`", heading="### API\n\n`POST /v1/responses`")
    assert [(claim.row, claim.claimed) for claim in read_claims(text, {})] == [
        ("responses/fields/zz_new", True),
        ("responses/fields/zz_new/zz_inner", False),
    ]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (page("- [x] `model`", "- [x] Something new"), "line 6: no row for the checkbox 'Something new'"),
        (page("- [x] `messages`", "  - [ ] Sounds"), "line 6: no row for the checkbox 'Sounds'"),
        (page("- [x] `model`", "- [ ] `model` (once more)"), "two checkboxes for chat/fields/model"),
        (page("- [x] `text`", heading="### /v1/zz/speech"), "no row for the checkbox '`text`'"),
        (
            "### /v1/models\n\n#### Notes\n\n- `id` is new\n",
            "no row for the note '`id` is new' of /v1/models",
        ),
    ],
)
def test_what_no_row_is_known_for_is_named_and_never_dropped(text, named):
    with pytest.raises(UnassignedError) as raised:
        read_claims(text, {})
    assert named in str(raised.value)


def test_a_box_that_is_ticked_and_not_is_not_claimed():
    """As `Vision` in v0.3.4 to v0.3.6."""
    text = page("- [x] `model`", "- [x] `seed`", "- [ ] `seed`")
    assert [(claim.row, claim.claimed) for claim in read_claims(text, {})] == [
        ("chat/fields/model", True),
        ("chat/fields/seed", False),
    ]


def test_an_item_is_never_matched_by_its_place_alone():
    """As in a translation: there the order tells, and here it would give a new box the row of an old one."""
    names = ("Chat completions", "Streaming", "JSON mode", "Something new", "Vision", "Function calling", "Logprobs")
    with pytest.raises(UnassignedError, match="Something new"):
        read_claims(page(*(f"- [x] {name}" for name in names)), {})


def test_a_row_that_is_named_by_hand_is_taken():
    [claim] = read_claims(page("- [x] Sound = output"), {"Sound = output": "chat/features/audio"})
    assert claim == Claim(row="chat/features/audio", wording="Sound = output", claimed=True)


def test_notes_claim_what_follows_from_them():
    notes = "### /v1/models\n\n#### Notes\n\n- `created` corresponds to when the model was last modified\n"
    prompt = "### /v1/completions\n\n#### Notes\n\n- `prompt` currently only accepts a string\n\n#### Other\n\n- x\n"
    claims = read_claims(notes + prompt, {})
    assert {claim.row: claim.claimed for claim in claims} == {
        "models/notes/created": True,
        "completions/notes/prompt_string": True,
        "completions/fields/prompt/string": True,
        **{f"completions/fields/prompt/array_of_{form}": False for form in ("strings", "tokens", "token_arrays")},
    }
    assert all(claim.note for claim in claims)
    assert {entry["order"] for entry in document_of(notes)["notes"]} == {None}


def test_a_difference_between_the_file_and_a_page_is_told_both_ways():
    document = document_of(OLD, NEW)
    assert describe_differences(document, "v1.0.9", read_claims(OLD, {})) == []
    assert describe_differences(document, "v1.1.0", read_claims(NEW, {})) == []
    lines = describe_differences(document, "v1.0.0", read_claims(AGAIN, {}))
    assert len([line for line in lines if line.startswith("the file says")]) == 3
    assert len([line for line in lines if line.startswith("the page says")]) == 3


@pytest.mark.parametrize(
    ("released", "due"),
    [
        (["v0.1.2", "v0.1.4", "v0.2.0", "v0.2.1"], ["v0.1.2", "v0.1.4", "v0.2.0", "v0.2.1"]),
        (["v0.1.5", "v0.3.0"], []),
        (["v0.2.0"], ["v0.2.0"]),
        ([], []),
    ],
)
def test_releases_are_counted_on_over_small_gaps(released, due):
    asked = []

    def is_released(version: str) -> bool:
        asked.append(version)
        return version in released

    assert list(ollama_releases.count_on("v0.1.1", is_released)) == due
    assert len(asked) == len(set(asked)) + len({each for each in due if each.endswith(".0")})
    assert len(asked) <= len(due) + 9


def test_between_two_releases_that_agree_none_is_read_and_a_change_is_found_where_it_is():
    versions = [f"v0.1.{number}" for number in range(64)]
    read = []

    def facts(version: str) -> str:
        read.append(version)
        return "old" if versions.index(version) < 41 else "new"

    found = ollama_releases.read_each(versions, facts)
    assert list(found) == versions
    assert [found[version] for version in versions] == ["old"] * 41 + ["new"] * 23
    assert len(read) == len(set(read)) <= 8
    assert ollama_releases.read_each([], facts) == {}
    assert ollama_releases.read_each(["v0.1.0"], facts) == {"v0.1.0": "old"}


def test_the_page_is_the_one_with_a_checklist(tmp_path):
    for name, text in {"openai.md": "# OpenAI", "api/openai-compatibility.mdx": OLD, "api/openai.txt": OLD}.items():
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / name).write_text(text)
    assert ollama_releases.find_page(tmp_path).name == "openai-compatibility.mdx"
    (tmp_path / "docs" / "openai.md").write_text(OLD)
    with pytest.raises(ToolError, match=r"there is: docs/api/openai-compatibility\.mdx, docs/openai\.md"):
        ollama_releases.find_page(tmp_path)
    with pytest.raises(ToolError, match="there is: none"):
        ollama_releases.find_page(tmp_path / "docs" / "api")


PAGES = {"v1.0.0": OLD, "v1.1.0": OLD, "v1.2.0": NEW}


@pytest.fixture
def tool(tmp_path, monkeypatch):
    loader = importlib.machinery.SourceFileLoader("ollama_claims_tool", str(TOOLS / "ollama-claims"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    monkeypatch.setattr(module, "FILE", tmp_path / "ollama.json")
    monkeypatch.setattr(module, "find_releases", lambda after: [each for each in PAGES if each > after])
    monkeypatch.setattr(module, "read_page", lambda version, _cache: PAGES[version])
    module.FILE.write_text(format_document(document_of(OLD)))
    return module


def test_the_tool_adds_what_is_newer_and_says_how_many(tool, capsys):
    assert tool.main([]) == 0
    assert tool.FILE.read_text() == format_document(document_of(OLD, OLD, NEW))
    assert "2 releases after v1.0.0: v1.1.0 v1.2.0" in capsys.readouterr().err
    assert tool.main([]) == 0
    assert "0 releases after v1.2.0\n" in capsys.readouterr().err
    assert tool.FILE.read_text() == format_document(document_of(OLD, OLD, NEW))


def test_the_tool_builds_everything_again(tool):
    assert tool.main(["--all"]) == 0
    assert tool.FILE.read_text() == format_document(document_of(OLD, OLD, NEW))


def test_the_tool_compares_and_writes_nothing(tool, capsys):
    before = tool.FILE.read_text()
    assert tool.main(["--check", "v1.1.0", "v1.0.0"]) == 0
    assert tool.main(["--check", "v1.2.0"]) == 1
    assert "v1.2.0: the page says, and the file does not" in capsys.readouterr().out
    assert tool.FILE.read_text() == before


def test_the_tool_names_a_box_without_a_row_and_writes_nothing(tool, capsys, monkeypatch):
    before = tool.FILE.read_text()
    monkeypatch.setitem(PAGES, "v1.2.0", page("- [x] Sound output"))
    assert tool.main([]) == 2
    assert "v1.2.0: line 5: no row for the checkbox 'Sound output'" in capsys.readouterr().err
    assert tool.FILE.read_text() == before
    assert tool.main(["--row", "Sound output=chat/features/audio"]) == 0
    assert '"row": "chat/features/audio"' in tool.FILE.read_text()
