"""`openai-conformance docs`: which box is about which row, what is wrong, and that nothing else is touched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from conformance.checklist.claims import claims_of
from conformance.cli.main import main
from conformance.report.documentation.check import check_page, format_check, read_page, write_page
from conformance.report.documentation.match import match_checkboxes
from conformance.report.documentation.parse import Checkbox, find_checkboxes
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


def read_checkboxes(text: str) -> list[Checkbox]:
    return match_checkboxes(find_checkboxes(text))


def rows(text: str) -> dict[str, str | None]:
    return {box.wording: box.row for box in read_checkboxes(text)}


def test_boxes_find_their_rows_by_wording_and_nesting() -> None:
    assert [(box.row, box.ticked) for box in read_checkboxes(PAGE)] == [
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


@pytest.mark.parametrize("release", ["v0.1.24", "v0.3.4", "v0.6.8", "v0.13.4", "v0.18.0", "v0.32.15", "v0.34.4"])
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
    assert [found.row for found in read_checkboxes(text)] == [box.row for box in boxes]


@pytest.mark.parametrize("named", ["`POST /v1/responses`", "POST /v1/responses", "`POST\u0020/v1/responses`\n"])
def test_a_paragraph_may_name_the_path_in_place_of_the_heading(named: str) -> None:
    before, after = "## /v1/embeddings\n\n- [x] `user`\n\n### Responses\n\n", "#### Fields\n\n- [x] `model`\n\n"
    text = f"{before}{named}\n\n{after}### Other\n\n- [x] n\n"
    assert [box.row for box in read_checkboxes(text)] == ["embeddings/fields/user", "responses/fields/model"]


@pytest.mark.parametrize("said", ["See `POST /v1/responses`.", "`/v1/responses`", "> POST /v1/responses"])
def test_a_paragraph_that_only_speaks_of_a_path_is_no_heading(said: str) -> None:
    assert rows(f"### /v1/embeddings\n\n{said}\n\n- [x] `model`\n") == {"`model`": "embeddings/fields/model"}


def test_marks_of_all_kinds_are_read() -> None:
    text = "### /v1/embeddings\n* [X] `model`\n• [ ] `input`\n\t• [x] string\n+ [\u00a0] `dimensions`\n1. [] `user`\n"
    assert [(box.row, box.ticked) for box in read_checkboxes(text)] == [
        ("embeddings/fields/model", True),
        ("embeddings/fields/input", False),
        ("embeddings/fields/input/string", True),
        ("embeddings/fields/dimensions", False),
        ("embeddings/fields/user", False),
    ]


@pytest.mark.parametrize(
    "item",
    [
        "-[x] `seed`",
        "•[x] `seed`",
        "\u3000· [x] `seed`",
        "-\u00a0[✓] `seed`",
        "3)\t[✔]\u3000`seed`",
        "2.[X] `seed`",
    ],
)
def test_what_translators_write_for_an_item_is_read(item: str) -> None:
    found = read_checkboxes(f"### /v1/chat/completions\n{item}\n")
    assert [(box.row, box.ticked) for box in found] == [("chat/fields/seed", True)]


def test_an_ideographic_blank_is_two_columns_wide_and_so_nests_an_item() -> None:
    assert rows("### /v1/embeddings\n- [x] `input`\n\u3000- [x] string\n") == {
        "`input`": "embeddings/fields/input",
        "string": "embeddings/fields/input/string",
    }


HIDDEN = {
    "fenced code": "```\n{}\n```",
    "fenced code with tildes, not closed by backticks": "~~~md\n{}\n```\n{}\n~~~",
    "fenced code that nothing closes": "````\n```\n{}",
    "fenced code in an item": "- text\n  ```\n  {}\n  ```",
    "indented code": "text\n\n    {}",
    "indented code in an item": "- text\n\n      {}",
    "an item that is indented code": "-     [ ] `user`",
    "a comment": "<!-- {} -->",
    "a comment over lines": "<!--\n{}\n\n{}\n-->",
    "a comment in an item": "- text\n  <!--\n  {}\n  -->",
    "preformatted HTML": "<pre>\n\n{}\n</pre>",
    "HTML up to an empty line": "<details>\n{}",
    "a paragraph that goes on": "text\n    {}",
    "a number that interrupts a paragraph": "text\n2. [ ] `user`",
    "an item that does not begin with it": "- the box [ ] `user`",
    "the second paragraph of an item": "- text\n\n  [ ] `user`",
    "no blank behind it": "- [ ]`user`",
    "a link": "- [x](/user) `user`",
    "the address of a link": "- [x]: /user",
    "a paragraph": "[ ] `user`",
}


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
def test_what_github_shows_without_a_checkbox_is_none(hidden: str) -> None:
    text = f"### /v1/embeddings\n\n- [x] `model`\n\n{hidden}\n".replace("{}", "- [ ] `user`")
    assert [box.wording for box in read_checkboxes(text)] == ["`model`"]


SHOWN = {
    "in a quotation": "> - [ ] `user`",
    "in a quotation in an item": "- text\n  > 1. [ ] `user`",
    "in an item of an item": "- - [ ] `user`",
    "on the line after its bullet": "-\n  [ ] `user`",
    "behind indented code that looks like a fence": "    ```\n\n- [ ] `user`",
    "behind inline code in three backticks": "``` `x` ```\n- [ ] `user`",
    "behind a fence that ends with its item": "- text\n  ```\n- [ ] `user`",
    "behind a fence that ends with its quotation": "> ```\n\n- [ ] `user`",
    "in an item that a tab indents": "-\t[ ] `user`\t",
    "in a loose list, its text going on": "- [x] seed\n\n- [ ] `user`\n  and more",
    "with a number of many digits": "123456789. [ ] `user`",
    "behind a line that ends as on an old Macintosh": "text\r- [ ] `user`",
    "behind a null character": "\0\n\n- [ ] `user` \0",
}


@pytest.mark.parametrize("shown", SHOWN.values(), ids=SHOWN)
def test_what_github_shows_as_a_checkbox_is_one_and_only_it_changes(shown: str) -> None:
    text = f"### /v1/embeddings\n\n- [x] `model`\n\n{shown}\n"
    assert check_page(text, report_of({})).correct() == text.replace("[ ] `user`", "[x] `user`")


def test_items_are_nested_as_markdown_nests_them() -> None:
    """By one blank an item is not below a bullet, nor by two below a number: it then belongs to the heading."""
    for text, nested in (
        ("- [x] `input`\n - [x] string", False),
        ("- [x] `input`\n  - [x] string", True),
        ("1. [x] `input`\n  - [x] string", False),
        ("1. [x] `input`\n   - [x] string", True),
        (" - [x] `input`\n   - [x] string", True),
        ("- [x] `input`\n\n  text\n\n  + [x] string", True),
        ("- [x] `input`\n  - text\n    - [x] string", True),
        ("- [x] `input`\n- text\n  - [x] string", False),
    ):
        found = rows(f"### /v1/embeddings\n{text}\n")
        assert found == {
            "`input`": "embeddings/fields/input",
            "string": "embeddings/fields/input/string" if nested else None,
        }, text


def test_headings_are_markdowns() -> None:
    text = """\
POST /v1/embeddings
-------------------

- [x] `model`

> ### /v1/completions
>
> - [x] `prompt`

- [x] `user`

### Details ###

- [x] `input`

    # Indented code

- [x] `dimensions`

Models
------

- [x] `model`
"""
    assert [box.row for box in read_checkboxes(text)] == [
        "embeddings/fields/model",
        "completions/fields/prompt",
        "embeddings/fields/user",
        "embeddings/fields/input",
        "embeddings/fields/dimensions",
    ]


PIECES = st.sampled_from(
    (
        *"-+*>#`~ \t\r\n\0\\\ufeff\u00a0\u3000\x85\udcff",
        *(
            "\r\n",
            "\n\n",
            "    ",
            "1. ",
            "• ",
            "\n- ",
            "\n  - ",
            "\n> - ",
            "string",
            "`input`",
            "`model`",
            "`messages`",
        ),
        *("[ ] ", "[x] ", "[X] ", "[\u00a0] ", "[✓] ", "[ ]", "[x](", "- [ ] ", "\n- [x] ", "\n  + [ ] ", "\n• [ ] "),
        *("\n```\n", "\n<!-- ", " -->\n", "\n<pre>", "</pre>\n", "\n---\n", "\n[a]: /b\n", "\n\t1) [x] "),
        *("\n### /v1/embeddings\n", "\n## /v1/chat/completions\n", "\n# Other\n"),
    )
)
PAGES = st.lists(st.one_of(PIECES, PIECES, PIECES, st.text(max_size=5)), max_size=40).map("".join)
BOX = re.compile(r"\[[ \u00a0\u3000xX✓✔]\]")


@given(page=PAGES, observed=st.sampled_from(["supported", "rejected"]))
@settings(max_examples=300, deadline=None)
def test_of_any_page_only_characters_in_boxes_change(page: str, observed: str) -> None:
    assume("[]" not in page)  # into which a character is put
    text = f"### /v1/embeddings\n\n- [ ] `model`\n- [x] `input`\n\n{page}"
    check = check_page(text, report_of({}, others=observed))
    corrected = check.correct()
    assert len(corrected) == len(text)
    changed = {place for place, (old, new) in enumerate(zip(text, corrected, strict=True)) if old != new}
    assert changed <= {found.start() + 1 for found in BOX.finditer(text)}
    assert len(changed) == len(check.wrong) > 0
    assert check_page(corrected, report_of({}, others=observed)).wrong == ()


@given(raw=st.binary())
@settings(deadline=None)
def test_a_page_is_written_as_it_was_read(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    page = tmp_path_factory.getbasetemp() / "page.md"
    page.write_bytes(raw)
    write_page(page, read_page(page))
    assert page.read_bytes() == raw


def test_a_byte_order_mark_hides_no_heading() -> None:
    text = "\ufeff### /v1/embeddings\n- [ ] `model`\n"
    assert check_page(text, report_of({})).correct() == text.replace("[ ]", "[x]")


def test_a_tick_is_put_into_an_empty_box() -> None:
    text = "### /v1/embeddings\n- [] `model`\n- []\u3000`input` []\n"
    assert check_page(text, report_of({})).correct() == text.replace("- []", "- [x]")


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
    assert match_checkboxes([]) == []


def test_wrong_boxes_are_told_both_ways() -> None:
    report = report_of({"chat/fields/messages/text": "ignored", "chat/fields/model": "inconclusive"})
    result = check_page(PAGE, report)
    assert [(each.checkbox.row, each.checkbox.ticked) for each in result.wrong] == [
        ("chat/features/json_mode", False),
        ("chat/fields/messages/text", True),
        ("chat/fields/messages/image", False),
        ("chat/fields/logit_bias", False),
        ("embeddings/fields/encoding_format", False),
    ]
    told = "\n".join(format_check(result))
    assert told.startswith("11 boxes: 5 right, 5 wrong, 1 open\n\nClaimed but not there (1)\n")
    assert re.search(r"^  line 22  chat/fields/messages/text  ignored: as made", told, re.MULTILINE)
    assert re.search(r"There but not claimed \(4\)\n  line 16  chat/features/json_mode ", told)
    assert "Could not be told, left as they are (1)\n  line 20  chat/fields/model: inconclusive: as made" in told
    assert re.search(r"^  chat/fields/seed +supported$", told, re.MULTILINE)


def test_of_rows_without_a_box_only_those_that_are_there_are_named_unless_all_are_asked_for() -> None:
    report = report_of({"chat/fields/seed": "ignored", "chat/fields/stop": "partial"}, others="not_applicable")
    told = "\n".join(format_check(check_page(PAGE, report)))
    assert "There, and the page has no box for it (1)\n  chat/fields/stop  partial\n" in told
    assert "chat/fields/seed" not in told
    assert re.search(r"\d+ more rows without a box are not supported: -v names them", told)
    every = "\n".join(format_check(check_page(PAGE, report), every=True))
    assert re.search(r"^  chat/fields/seed +ignored$", every, re.MULTILINE)


def test_boxes_that_are_open_for_one_reason_share_a_line() -> None:
    told = format_check(check_page(PAGE, report_of({}, others="untested")))
    assert "Could not be told, left as they are (11)" in told
    assert sum("untested: as made for a test" in line for line in told) == 1


@pytest.mark.parametrize("end", ["", "\n", "  \n\n\t\n"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_only_the_character_in_a_wrong_box_changes(newline: str, end: str) -> None:
    page = ("\ufeff" + PAGE.rstrip() + end).replace("\n", newline).replace("- [x] `messages`", "-\t[x] `messages`\t ")
    report = report_of({"chat/fields/messages": "broken", "chat/fields/logit_bias": "partial"}, others="untested")
    corrected = check_page(page, report).correct()
    assert corrected == page.replace("-\t[x] `messages`", "-\t[ ] `messages`").replace(
        "- [ ] `logit_bias`", "- [x] `logit_bias`"
    )
    assert check_page(corrected, report).status == 0


def test_unranked_verdicts_leave_the_box() -> None:
    for verdict in ("inconclusive", "not_applicable", "untested"):
        assert check_page(PAGE, report_of({}, others=verdict)).correct() == PAGE


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


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("{missing}",), "{missing} cannot be read: No such file or directory; give the page's file"),
        (
            ("{page}", "--write", "/dev/null/x.md"),
            "--write: /dev/null/x.md cannot be written: /dev/null is not a folder",
        ),
        (("{page}", "--write", "{folder}"), "--write: {folder} cannot be written: Is a directory"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_once_with_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], why: str
) -> None:
    report = write_report(report_of({}), [], tmp_path / "reports", None)
    names = {"missing": tmp_path / "README.md", "page": tmp_path / "page.md", "folder": tmp_path / "reports"}
    names["page"].write_text(PAGE)
    given = [each.format(**names) for each in arguments]
    assert main(["docs", *given, "--report", str(report)]) == 2
    error = capsys.readouterr().err
    assert error == f"openai-conformance: {why.format(**names)}\n"


COMPATIBILITY = "docs/api/openai-compatibility.mdx"
REAL = {"v0.6.8": "docs/openai.md", "v0.32.15": COMPATIBILITY, "v0.34.4": COMPATIBILITY}


@pytest.mark.parametrize("release", REAL)
def test_real_pages_are_read_whole(release: str) -> None:
    page = Path.home() / "go/pkg/mod/github.com/ollama" / f"ollama@{release}" / REAL[release]
    if not page.exists():
        pytest.skip(f"Ollama's source {release} is not in the Go module cache")
    text = page.read_bytes().decode()
    claims = claims_of("ollama", release)
    assert claims is not None
    claimed = {box.row: box.claimed for box in claims.boxes if not box.note}
    found = {box.row: box.ticked for box in read_checkboxes(text)}
    assert found == claimed
    asserted = {row: "supported" if ticked else "rejected" for row, ticked in claimed.items()}
    result = check_page(text, report_of(asserted))
    assert (result.status, result.without_row, result.correct()) == (0, (), text)
