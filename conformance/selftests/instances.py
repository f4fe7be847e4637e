"""Valid bodies of every schema: what OpenAI, or our own report writer, sends."""

import json
from pathlib import Path

import pytest
from openai.pagination import SyncPage
from openai.types import Completion, CreateEmbeddingResponse, Model, ModelDeleted
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.shared import ErrorObject

from conformance.checklist import packaged_data as resources

DATA = Path(__file__).parent / "data"

FILES = {file.stem: json.loads(file.read_text()) for file in sorted(resources.folder("schemas").glob("*.json"))}
"""Schema -> document."""

TYPES = {
    "ChatCompletion": ("chat_completion", ChatCompletion),
    "ChatCompletionChunk": ("chat_completion_chunk", ChatCompletionChunk),
    "Completion": ("completion", Completion),
    "CreateEmbeddingResponse": ("embedding_list", CreateEmbeddingResponse),
    "ModelList": ("model_list", SyncPage[Model]),
    "ErrorObject": ("error", ErrorObject),
    "ModelDeleted": ("model_deleted", ModelDeleted),
    "Response": ("response", Response),
    "ResponseStreamEvent": ("response_stream_event", ResponseStreamEvent),
}

INSTANCES = [
    pytest.param(schema, {"error": instance} if schema == "error" else instance, sdk_type, id=f"{name}-{number}")
    for name, instances in json.loads((DATA / "instances.json").read_text())["instances"].items()
    for schema, sdk_type in [TYPES[name]]
    for number, instance in enumerate(instances)
]

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
TEXT_CHUNK = {
    "id": "cmpl-1",
    "object": "text_completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "text": "x", "logprobs": None, "finish_reason": None}],
}
USAGE_CHUNK = {**TEXT_CHUNK, "choices": [], "usage": USAGE}
MODEL = {"id": "m", "object": "model", "created": 1, "owned_by": "x"}
ROW = {
    "id": "chat/fields/seed",
    "endpoint": "chat",
    "kind": "fields",
    "title": "seed",
    "order": 3,
    "verdict": "supported",
    "evidence": "effect",
    "severity": "must",
    "reason": "equal texts",
    "chance": "0",
    "claim": True,
    "agrees": True,
    "model": "m",
    "exchanges": ["e017"],
    "seconds": 0.5,
    "requests": 2,
}
REPORT = {
    "format": 1,
    "complete": True,
    "suite": {"version": "0.1.0", "commit": None, "sdk": "openai 3.52.0", "python": "3.11.7"},
    "target": {
        "kind": "ollama",
        "base_url": "http://127.0.0.1:11434/v1",
        "version": "0.24.0",
        "models": {"chat": {"id": "m", "digest": None, "base_url": "http://127.0.0.1:11434/v1"}},
    },
    "started": "2026-01-02T03:04:05+00:00",
    "seconds": 1.5,
    "requests": 2,
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "counts": {"supported": 1},
    "extensions": {"chat_completion": ["timings"]},
    "baseline": None,
    "notes": [],
    "rows": [ROW],
}
