"""Tools that the server runs itself: each that is declared is used once, in the simplest way that can be seen."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from .responses_fields import SEARCHES
from .responses_input import Item, new_id
from .responses_output import Hosted

_RUNS = ("in_progress", "searching", "completed")
_PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()


def hosted_items(body: Mapping[str, Any]) -> list[Hosted]:
    """Return the items of the hosted tools that a request declares, each to be run in its turn.

    `tool_choice` may keep them from being used, and `max_tool_calls` says how many may be.
    """
    choice = body.get("tool_choice")
    if choice == "none":
        return []
    kinds = [tool for tool in body.get("tools") or () if tool["type"] in _MAKERS]
    if isinstance(choice, Mapping):
        named = [entry.get("type") for entry in choice["tools"]] if "tools" in choice else [choice["type"]]
        kinds = [tool for tool in kinds if tool["type"] in named]
    most = body.get("max_tool_calls")
    asked = body.get("include") or ()
    return [_MAKERS[tool["type"]](place, tool, asked) for place, tool in enumerate(kinds[:most])]


def _item(kind: str, prefix: str, **members: Any) -> Item:
    return {"id": new_id(prefix), "type": kind, "status": "in_progress", **members}


def _web_search(place: int, _tool: Mapping[str, Any], asked: Any) -> Hosted:
    action: dict[str, Any] = {"type": "search", "query": "news"}
    if "web_search_call.action.sources" in asked:
        action["sources"] = [{"type": "url", "url": "https://news.example/today"}]
    item = _item("web_search_call", "ws", action={"type": "search", "query": "news"})
    return Hosted(index=place, item=item, stages=_RUNS, result={"action": action})


def _file_search(place: int, tool: Mapping[str, Any], asked: Any) -> Hosted:
    found = {"file_id": "file-1", "filename": "a.txt", "score": 0.5, "text": tool["vector_store_ids"][0]}
    results = [found] if "file_search_call.results" in asked else None
    item = _item("file_search_call", "fs", queries=["news"], results=None)
    return Hosted(index=place, item=item, stages=_RUNS, result={"results": results})


def _code_interpreter(place: int, _tool: Mapping[str, Any], asked: Any) -> Hosted:
    outputs = [{"type": "logs", "logs": "2"}] if "code_interpreter_call.outputs" in asked else None
    item = _item("code_interpreter_call", "ci", code="", container_id="cntr_1", outputs=None)
    stages = ("in_progress", "interpreting", "completed")
    return Hosted(index=place, item=item, stages=stages, result={"code": "1 + 1", "outputs": outputs})


def _image_generation(place: int, _tool: Mapping[str, Any], _asked: Any) -> Hosted:
    item = _item("image_generation_call", "ig", result=None)
    return Hosted(
        index=place, item=item, stages=("in_progress", "generating", "completed"), result={"result": _PIXEL}
    )


def _mcp(place: int, tool: Mapping[str, Any], _asked: Any) -> Hosted:
    item = _item("mcp_list_tools", "mcpl", server_label=tool["server_label"], tools=[])
    return Hosted(index=place, item=item, stages=("in_progress", "completed"), result={})


_MAKERS = {
    **dict.fromkeys(SEARCHES, _web_search),
    "file_search": _file_search,
    "code_interpreter": _code_interpreter,
    "image_generation": _image_generation,
    "mcp": _mcp,
}
