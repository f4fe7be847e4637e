"""Valid responses, items and events of every kind that the SDK has, and legal variations of them, made by hand."""

from typing import Any

Body = dict[str, Any]

TEXT = {"type": "output_text", "text": "x", "annotations": [], "logprobs": []}
REFUSAL = {"type": "refusal", "refusal": "no"}
TOKEN = {"token": "x", "bytes": [120], "logprob": -0.1}
ANNOTATIONS = [
    {"type": "file_citation", "file_id": "file_1", "filename": "a.txt", "index": 0},
    {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1},
    {
        "type": "container_file_citation",
        "container_id": "cntr_1",
        "file_id": "f",
        "filename": "a",
        "start_index": 0,
        "end_index": 1,
    },
    {"type": "file_path", "file_id": "file_1", "index": 0},
]
IMAGE = {"type": "input_image", "detail": "auto", "image_url": "data:,"}
SHELL_OUTPUT = [{"outcome": {"type": "exit", "exit_code": -1}, "stdout": "", "stderr": ""}]


def message(*content: Body, **changed: Any) -> Body:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}
    return {**item, **changed}


FUNCTION_CALL = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "call_1",
    "name": "f",
    "arguments": "{}",
    "status": "completed",
}
CUSTOM_CALL = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_1", "name": "f", "input": "x"}
REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "x"}],
    "content": [{"type": "reasoning_text", "text": "x"}],
}

ITEMS: list[Body] = [
    message(TEXT),
    message({**TEXT, "annotations": ANNOTATIONS, "logprobs": [{**TOKEN, "top_logprobs": [TOKEN]}]}),
    message(REFUSAL, phase="final_answer"),
    FUNCTION_CALL,
    CUSTOM_CALL,
    REASONING,
    {
        "type": "file_search_call",
        "id": "fs_1",
        "status": "completed",
        "queries": ["x"],
        "results": [{"file_id": "f", "filename": "a", "score": 0.5, "text": "x", "attributes": {"a": 1.5, "b": "x"}}],
    },
    {
        "type": "function_call_output",
        "id": "fco_1",
        "call_id": "call_1",
        "status": "completed",
        "output": [{"type": "input_text", "text": "x"}, IMAGE, {"type": "input_file", "file_id": "f"}],
    },
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
    {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "open_page", "url": "u"}},
    {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "find_in_page", "url": "u", "pattern": "x"},
    },
    {
        "type": "computer_call",
        "id": "cu_1",
        "call_id": "call_1",
        "status": "completed",
        "pending_safety_checks": [{"id": "sc_1"}],
        "actions": [
            {"type": "click", "button": "left", "x": 1, "y": 1},
            {"type": "double_click", "x": 1, "y": 1},
            {"type": "drag", "path": [{"x": 1, "y": 1}]},
            {"type": "keypress", "keys": ["a"]},
            {"type": "move", "x": 1, "y": 1},
            {"type": "screenshot"},
            {"type": "scroll", "x": 1, "y": 1, "scroll_x": 0, "scroll_y": -1},
            {"type": "type", "text": "x"},
            {"type": "wait"},
        ],
    },
    {
        "type": "computer_call_output",
        "id": "cuo_1",
        "call_id": "call_1",
        "status": "completed",
        "output": {"type": "computer_screenshot", "image_url": "u"},
    },
    {"type": "program", "id": "p_1", "call_id": "call_1", "code": "x", "fingerprint": "x"},
    {"type": "program_output", "id": "po_1", "call_id": "call_1", "result": "x", "status": "completed"},
    {
        "type": "tool_search_call",
        "id": "ts_1",
        "arguments": {"query": "x"},
        "call_id": None,
        "execution": "server",
        "status": "completed",
    },
    {
        "type": "tool_search_output",
        "id": "tso_1",
        "call_id": None,
        "execution": "server",
        "status": "completed",
        "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": True}],
    },
    {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": []},
    {"type": "compaction", "id": "cmp_1", "encrypted_content": "x"},
    {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "eA=="},
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "completed",
        "container_id": "cntr_1",
        "code": "x",
        "outputs": [{"type": "logs", "logs": "x"}, {"type": "image", "url": "u"}],
    },
    {
        "type": "local_shell_call",
        "id": "lsh_1",
        "call_id": "call_1",
        "status": "completed",
        "action": {"type": "exec", "command": ["ls"], "env": {"A": "x"}},
    },
    {"type": "local_shell_call_output", "id": "lsho_1", "output": "x"},
    {
        "type": "shell_call",
        "id": "sh_1",
        "call_id": "call_1",
        "status": "completed",
        "action": {"commands": ["ls"], "max_output_length": None, "timeout_ms": None},
        "environment": {"type": "container_reference", "container_id": "cntr_1"},
    },
    {
        "type": "shell_call_output",
        "id": "sho_1",
        "call_id": "call_1",
        "status": "completed",
        "max_output_length": 9,
        "output": SHELL_OUTPUT,
    },
    {
        "type": "apply_patch_call",
        "id": "apc_1",
        "call_id": "call_1",
        "status": "completed",
        "operation": {"type": "update_file", "path": "a", "diff": "x"},
    },
    {"type": "apply_patch_call_output", "id": "apo_1", "call_id": "call_1", "status": "completed"},
    {
        "type": "mcp_call",
        "id": "mcp_1",
        "arguments": "{}",
        "name": "f",
        "server_label": "s",
        "status": "failed",
        "error": {"type": "http_error", "code": 500, "message": "m"},
    },
    {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "s", "tools": [{"name": "f", "input_schema": {}}]},
    {"type": "mcp_approval_request", "id": "mcpr_1", "arguments": "{}", "name": "f", "server_label": "s"},
    {"type": "mcp_approval_response", "id": "mcpa_1", "approval_request_id": "mcpr_1", "approve": True},
    {
        "type": "custom_tool_call_output",
        "id": "cto_1",
        "call_id": "call_1",
        "status": "completed",
        "output": "x",
    },
]

USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}
REQUIRED: Body = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "output": [message({"type": "output_text", "text": "x", "annotations": []})],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
}
"""What the SDK's type requires, and nothing else: a small server's answer."""


def response(*output: Body, **changed: Any) -> Body:
    """Return a finished response, with the members that OpenAI sends."""
    told = {
        "background": False,
        "completed_at": 2,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {},
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "status": "completed",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": USAGE,
    }
    return {**REQUIRED, **told, "output": list(output), **changed}


def unfinished(**changed: Any) -> Body:
    """Return a response of which nothing is there yet."""
    return response(**{"status": "in_progress", "completed_at": None, "usage": None, **changed})


FAILED = unfinished(status="failed", error={"code": "server_error", "message": "m"})
INCOMPLETE = response(
    message(TEXT, status="incomplete"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
)
ASKED_FOR = response(
    message(TEXT),
    instructions="be brief",
    max_output_tokens=16,
    max_tool_calls=2,
    metadata={"a": "b"},
    previous_response_id="resp_0",
    conversation={"id": "conv_1"},
    reasoning={"effort": "low", "summary": "auto"},
    text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}, "verbosity": "low"},
    tool_choice={"type": "function", "name": "f"},
    tools=[
        {"type": "function", "name": "f", "description": None, "parameters": {}, "strict": True},
        {"type": "web_search"},
    ],
    prompt_cache_key="k",
    prompt_cache_options={"mode": "implicit", "ttl": "30m"},
    safety_identifier="s",
    user="u",
)

RESPONSES: dict[str, Body] = {
    "text": response(message(TEXT)),
    "nothing said": response(),
    "refusal": response(message(REFUSAL)),
    "call": response(REASONING, message(TEXT), FUNCTION_CALL),
    "custom call": response(CUSTOM_CALL),
    "every item": response(*ITEMS),
    "asked for": ASKED_FOR,
    "incomplete": INCOMPLETE,
    "failed": FAILED,
    "cancelled": unfinished(status="cancelled"),
    "queued": unfinished(status="queued", background=True),
    "in progress": unfinished(),
}

PART = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
SUMMARY = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
ITEM = {"item_id": "x_1", "output_index": 0}
TOKENS = [{"token": "x", "logprob": -0.1, "top_logprobs": [{"token": "x", "logprob": -0.1}]}]
PROGRESS = [
    "code_interpreter_call.completed",
    "code_interpreter_call.in_progress",
    "code_interpreter_call.interpreting",
    "compaction.compacting",
    "file_search_call.completed",
    "file_search_call.in_progress",
    "file_search_call.searching",
    "image_generation_call.completed",
    "image_generation_call.generating",
    "image_generation_call.in_progress",
    "mcp_call.completed",
    "mcp_call.failed",
    "mcp_call.in_progress",
    "mcp_list_tools.completed",
    "mcp_list_tools.failed",
    "mcp_list_tools.in_progress",
    "web_search_call.completed",
    "web_search_call.in_progress",
    "web_search_call.searching",
]

EVENTS: list[Body] = [
    {**members, "type": kind if kind == "error" else f"response.{kind}", "sequence_number": 7}
    for kind, members in [
        ("created", {"response": unfinished()}),
        ("queued", {"response": unfinished(status="queued")}),
        ("in_progress", {"response": unfinished()}),
        ("completed", {"response": response(message(TEXT))}),
        ("failed", {"response": FAILED}),
        ("incomplete", {"response": INCOMPLETE}),
        ("error", {"code": None, "message": "m", "param": None}),
        *(("output_item.added", {"output_index": 0, "item": item}) for item in ITEMS),
        *(("output_item.done", {"output_index": 0, "item": item}) for item in ITEMS),
        ("content_part.added", {**PART, "part": TEXT}),
        ("content_part.done", {**PART, "part": REFUSAL}),
        ("content_part.done", {**PART, "part": {"type": "reasoning_text", "text": "x"}}),
        ("output_text.delta", {**PART, "delta": "x", "logprobs": TOKENS}),
        ("output_text.done", {**PART, "text": "x", "logprobs": TOKENS}),
        *(
            ("output_text.annotation.added", {**PART, "annotation_index": 0, "annotation": annotation})
            for annotation in ANNOTATIONS
        ),
        ("refusal.delta", {**PART, "delta": "x"}),
        ("refusal.done", {**PART, "refusal": "x"}),
        ("reasoning_text.delta", {**PART, "delta": "x"}),
        ("reasoning_text.done", {**PART, "text": "x"}),
        ("reasoning_summary_part.added", {**SUMMARY, "part": {"type": "summary_text", "text": ""}}),
        ("reasoning_summary_part.done", {**SUMMARY, "part": {"type": "summary_text", "text": "x"}}),
        ("reasoning_summary_text.delta", {**SUMMARY, "delta": "x"}),
        ("reasoning_summary_text.done", {**SUMMARY, "text": "x"}),
        ("function_call_arguments.delta", {**ITEM, "delta": "x"}),
        ("function_call_arguments.done", {**ITEM, "arguments": "{}"}),
        ("custom_tool_call_input.delta", {**ITEM, "delta": "x"}),
        ("custom_tool_call_input.done", {**ITEM, "input": "x"}),
        ("mcp_call_arguments.delta", {**ITEM, "delta": "x"}),
        ("mcp_call_arguments.done", {**ITEM, "arguments": "{}"}),
        ("code_interpreter_call_code.delta", {**ITEM, "delta": "x"}),
        ("code_interpreter_call_code.done", {**ITEM, "code": "x"}),
        ("shell_call_command.added", {"output_index": 0, "command_index": 0, "command": ""}),
        ("shell_call_command.delta", {"output_index": 0, "command_index": 0, "delta": "x"}),
        ("shell_call_command.done", {"output_index": 0, "command_index": 0, "command": "x"}),
        ("shell_call_output_content.delta", {**ITEM, "command_index": 0, "delta": {"stdout": "x"}}),
        ("shell_call_output_content.done", {**ITEM, "command_index": 0, "output": SHELL_OUTPUT}),
        ("image_generation_call.partial_image", {**ITEM, "partial_image_index": 0, "partial_image_b64": "x"}),
        ("audio.delta", {"delta": "eA=="}),
        ("audio.done", {}),
        ("audio.transcript.delta", {"delta": "x"}),
        ("audio.transcript.done", {}),
        *((kind, ITEM) for kind in PROGRESS),
    ]
]

BEGUN: list[Body] = [
    message(status="in_progress"),
    {**FUNCTION_CALL, "arguments": "", "status": "in_progress"},
    {**CUSTOM_CALL, "input": ""},
    {"type": "reasoning", "id": "rs_1", "summary": []},
    {"type": "reasoning", "id": "rs_1", "summary": [], "content": None, "encrypted_content": None, "status": None},
    {"type": "file_search_call", "id": "fs_1", "status": "in_progress", "queries": [], "results": None},
    {
        "type": "code_interpreter_call",
        "id": "ci_1",
        "status": "in_progress",
        "container_id": "cntr_1",
        "code": None,
        "outputs": None,
    },
    {"type": "image_generation_call", "id": "ig_1", "status": "in_progress", "result": None},
    {"type": "mcp_call", "id": "mcp_1", "arguments": "", "name": "f", "server_label": "s", "status": "in_progress"},
]
"""Items as they are when they are added: nothing in them yet."""
