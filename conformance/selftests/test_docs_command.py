"""`openai-conformance docs`: which box is about which row, what is wrong, and that nothing else is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.checklist.claims import claims_of
from conformance.cli.main import main
from conformance.report.boxes import rows_of_boxes
from conformance.report.docs import boxes_of, checked, lines_of
from conformance.report.files import write_report
from conformance.selftests.reports import report_of

PAGE = """\
# OpenAI compatibility

### Simple `/v1/chat/completions` example

```shell
- [ ] `model`
```

## Endpoints

### `/v1/chat/completions`

#### Supported features

- [x] Chat completions
- [ ] JSON mode

#### Supported request fields

- [x] `model`
- [x] `messages`
  - [x] Text `content`
  - [ ] Image `content`
    - [x] Base64 encoded image
- [ ] `logit_bias`

### `/v1/embeddings`

#### Supported request fields

- [x] `input`
  - [x] string
- [ ] `encoding format`

## Models

- [x] `model`
"""


def rows(text: str) -> dict[str, str | None]:
    return {box.wording: box.row for box in boxes_of(text)}


def test_boxes_find_their_rows_by_wording_and_nesting() -> None:
    assert [(box.row, box.ticked) for box in boxes_of(PAGE)] == [
        ("chat/features/chat_completions", True),
        ("chat/features/json_mode", False),
        ("chat/fields/model", True),
        ("chat/fields/messages", True),
        ("chat/fields/messages/text", True),
        ("chat/fields/messages/image", False),
        ("chat/fields/messages/image/base64", True),
        ("chat/fields/logit_bias", False),
        ("embeddings/fields/input", True),
        ("embeddings/fields/input/string", True),
        ("embeddings/fields/encoding_format", False),
    ]


@pytest.mark.parametrize("release", ["v0.1.24", "v0.3.4", "v0.6.8", "v0.13.4", "v0.18.0", "v0.32.15"])
def test_every_wording_of_a_release_finds_its_row(release: str) -> None:
    claims = claims_of("ollama", release)
    assert claims is not None
    boxes = [box for box in claims.boxes if not box.note]
    text, heading = "", ""
    for box in boxes:
        endpoint, kind, *path = box.row.split("/")
        if (endpoint, kind) != heading:
            heading = (endpoint, kind)
            names = {"chat": "chat/completions", "images": "images/generations"}
            text += f"\n### /v1/{names.get(endpoint, endpoint)}\n\n#### {kind}\n\n"
        text += f"{'  ' * (len(path) - 1)}- [{'x' if box.claimed else ' '}] {box.wording}\n"
    assert [found.row for found in boxes_of(text)] == [box.row for box in boxes]


def test_marks_of_all_kinds_are_read() -> None:
    text = "### /v1/embeddings\n* [X] `model`\n• [ ] `input`\n\t• [x] string\n+ [\u00a0] `dimensions`\n1. [] `user`\n"
    assert [(box.row, box.ticked) for box in boxes_of(text)] == [
        ("embeddings/fields/model", True),
        ("embeddings/fields/input", False),
        ("embeddings/fields/input/string", True),
        ("embeddings/fields/dimensions", False),
        ("embeddings/fields/user", False),
    ]


TRANSLATED = """\
### `/v1/chat/completions`

#### 支持的功能

- [x] 聊天补全
- [x] 流式传输
- [x] JSON 模式
- [x] 可重现输出
- [x] 视觉
- [x] 工具
- [ ] 对数概率

#### 支持的请求字段

- [x] `model`
- [x] `messages`
  - [x] 文本 `content`
  - [x] 图像 `content`
    - [x] Base64 编码的图像
    - [ ] 图像 URL
  - [x] `content` 部分数组
- [x] `frequency_penalty`
- [ ] `max_completion_tokens` (未列出)
"""


def test_a_translation_is_found_by_names_and_places() -> None:
    assert rows(TRANSLATED) == {
        "聊天补全": "chat/features/chat_completions",
        "流式传输": "chat/features/streaming",
        "JSON 模式": "chat/features/json_mode",
        "可重现输出": "chat/features/reproducible_outputs",
        "视觉": "chat/features/vision",
        "工具": "chat/features/tools",
        "对数概率": "chat/features/logprobs",
        "`model`": "chat/fields/model",
        "`messages`": "chat/fields/messages",
        "文本 `content`": "chat/fields/messages/text",
        "图像 `content`": "chat/fields/messages/image",
        "Base64 编码的图像": "chat/fields/messages/image/base64",
        "图像 URL": "chat/fields/messages/image/url",
        "`content` 部分数组": "chat/fields/messages/content_parts",
        "`frequency_penalty`": "chat/fields/frequency_penalty",
        "`max_completion_tokens` (未列出)": "chat/fields/max_completion_tokens",
    }


def test_what_cannot_be_told_for_certain_has_no_row() -> None:
    text = "### /v1/chat/completions\n- [x] 聊天补全\n- [x] 流式传输\n"
    assert set(rows(text).values()) == {None}
    assert rows("### /v1/rerank\n- [x] `model`\n") == {"`model`": None}
    assert rows_of_boxes([]) == []


def test_wrong_boxes_are_told_both_ways() -> None:
    report = report_of({"chat/fields/messages/text": "ignored", "chat/fields/model": "inconclusive"})
    result = checked(PAGE, report)
    assert [(each.box.row, each.box.ticked) for each in result.wrong] == [
        ("chat/features/json_mode", False),
        ("chat/fields/messages/text", True),
        ("chat/fields/messages/image", False),
        ("chat/fields/logit_bias", False),
        ("embeddings/fields/encoding_format", False),
    ]
    told = "\n".join(lines_of(result))
    assert "Claimed but not there (1)\n  line 22: chat/fields/messages/text: ignored: as made" in told
    assert "There but not claimed (4)\n  line 16: chat/features/json_mode" in told
    assert "Could not be told, left as they are (1)\n  line 20: chat/fields/model: inconclusive" in told
    assert "\n  chat/fields/seed: supported\n" in told
    assert told.endswith("11 boxes: 5 right, 5 wrong, 1 open")


@pytest.mark.parametrize("end", ["", "\n", "  \n\n\t\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_character_in_a_wrong_box_changes(newline: str, end: str) -> None:
    page = ("\ufeff" + PAGE.rstrip() + end).replace("\n", newline).replace("- [x] `messages`", "-\t[x] `messages`\t ")
    report = report_of({"chat/fields/messages": "broken", "chat/fields/logit_bias": "partial"}, others="untested")
    corrected = checked(page, report).corrected()
    assert corrected == page.replace("-\t[x] `messages`", "-\t[ ] `messages`").replace(
        "- [ ] `logit_bias`", "- [x] `logit_bias`"
    )
    assert checked(corrected, report).status == 0


def test_unranked_verdicts_leave_the_box() -> None:
    for verdict in ("inconclusive", "not_applicable", "untested"):
        assert checked(PAGE, report_of({}, others=verdict)).corrected() == PAGE


def test_the_command_writes_in_place_elsewhere_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = write_report(report_of({}), [], tmp_path / "reports", None)
    page = tmp_path / "openai.md"
    raw = PAGE.encode().replace(b"# OpenAI", b"# \xff\xfe OpenAI")
    page.write_bytes(raw)
    command = ["docs", str(page), "--report", str(report)]
    assert main(command) == 1
    assert page.read_bytes() == raw
    assert main([*command, "--write", str(tmp_path / "new.md")]) == 1
    assert page.read_bytes() == raw
    new = (tmp_path / "new.md").read_bytes()
    assert new.count(b"[ ]") == 1  # the one in the example's code
    assert main([*command, "--write"]) == 1
    assert page.read_bytes() == new
    capsys.readouterr()
    assert main(command) == 0
    assert "11 boxes: 11 right, 0 wrong, 0 open" in capsys.readouterr().out


def test_the_command_says_what_it_cannot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = write_report(report_of({}), [], tmp_path / "reports", None)
    page = tmp_path / "openai.md"
    assert main(["docs", str(page), "--report", str(report)]) == 2
    page.write_text("# Nothing\n- [x] here\n")
    assert main(["docs", str(page), "--report", str(report)]) == 2
    assert "no checklist" in capsys.readouterr().err
    page.write_text(PAGE)
    assert main(["docs", str(page), "--report", str(tmp_path / "none")]) == 2


REAL = {"v0.6.8": "docs/openai.md", "v0.32.15": "docs/api/openai-compatibility.mdx"}


@pytest.mark.parametrize("release", REAL)
def test_real_pages_are_read_whole(release: str) -> None:
    page = Path.home() / "go/pkg/mod/github.com/ollama" / f"ollama@{release}" / REAL[release]
    if not page.exists():
        pytest.skip(f"Ollama's source {release} is not in the Go module cache")
    text = page.read_bytes().decode()
    claims = claims_of("ollama", release)
    assert claims is not None
    claimed = {box.row: box.claimed for box in claims.boxes if not box.note}
    found = {box.row: box.ticked for box in boxes_of(text)}
    assert found == claimed
    asserted = {row: "supported" if ticked else "rejected" for row, ticked in claimed.items()}
    result = checked(text, report_of(asserted))
    assert (result.status, result.unknown, result.corrected()) == (0, (), text)
