"""The golden lists that a command writes: `python -m conformance.selftests.ledger --write`.

`data/rows.txt` holds the ids of all rows, so that none is lost or renamed unseen. `checklist/data/anchors.json`
holds, for each request field that a method of the SDK has, its anchor on the page of OpenAI's reference;
`checklist/data/operations.json`, beside it, every operation of the SDK, a line each.
Without `--write` the command names the lists that are not up to date, and exits with 1.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path

import openai

from conformance.judge.catalog import load_catalog
from conformance.probes.endpoints import ENDPOINTS, Endpoint, RequestEndpoint

from .sdk_operations import sdk_operations

ROWS = Path(__file__).with_name("data") / "rows.txt"
ANCHORS = Path(__file__).parents[1] / "checklist" / "data" / "anchors.json"
OPERATIONS = ANCHORS.with_name("operations.json")

COMMAND = "python -m conformance.selftests.ledger --write"

OF_THE_CLIENT = {"self", "extra_headers", "extra_query", "extra_body", "timeout"}
"""Parameters of the SDK's methods that are no request fields."""


def sdk_fields(endpoint: type[Endpoint]) -> list[str]:
    """Return the request fields that the SDK's method for an endpoint has; none where it has no method."""
    if not (issubclass(endpoint, RequestEndpoint) and endpoint.sdk_method):
        return []
    client = openai.OpenAI(api_key="none", base_url="http://nobody.invalid")
    parameters = inspect.signature(attrgetter(endpoint.sdk_method)(client)).parameters
    return [name for name in parameters if name not in OF_THE_CLIENT]


def rows_text() -> str:
    """Return the ids of all rows, a line each, sorted."""
    return "".join(f"{row}\n" for row in sorted(load_catalog()))


def anchors_text() -> str:
    """Return endpoint -> field -> anchor, as JSON."""
    found = {
        endpoint.name: {field: anchor_of(endpoint.sdk_method, field) for field in sorted(fields)}
        for endpoint in ENDPOINTS
        if (fields := sdk_fields(endpoint))
    }
    return json.dumps(found, indent=1) + "\n"


def anchor_of(sdk_method: str, field: str) -> str:
    """Return the anchor of a field on the reference page of a method such as `chat.completions.create`."""
    resource, _, method = sdk_method.rpartition(".")
    return f"(resource) {resource} > (method) {method} > (params) 0 > (param) {field} > (schema)"


def operations_text() -> str:
    """Return operation -> what its requests need, as JSON."""
    lines = (f"{json.dumps(name)}: {json.dumps(about)}" for name, about in sdk_operations().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def golden_lists() -> Mapping[Path, str]:
    """Return file -> the text that it should have."""
    return {OPERATIONS: operations_text(), ANCHORS: anchors_text(), ROWS: rows_text()}


def outdated() -> list[Path]:
    """Return the files that do not have the text that they should have."""
    return [file for file, text in golden_lists().items() if file.read_text(encoding="utf-8") != text]


def main(arguments: list[str]) -> int:
    """Write the lists, or name those that are not up to date."""
    stale = outdated()
    for file in stale:
        if "--write" in arguments:
            file.write_text(golden_lists()[file], encoding="utf-8")
        told = "written" if "--write" in arguments else f"not up to date; write it with: {COMMAND}"
        sys.stdout.write(f"{file}: {told}\n")
    return 1 if stale and "--write" not in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
