"""/v1/models and /v1/models/{model}."""

from __future__ import annotations

from conformance.probes.session import UndeterminedError
from conformance.wire.exchange import Call, Exchange

from .endpoint import Endpoint

MAX_NAME_CHARACTERS = 400
"""Longer names are not put into a path."""


def is_addressable(name: str) -> bool:
    """Tell whether a name that a server gave can stand in a path: the SDK does not even send others."""
    return name.strip(".") != "" and name.isprintable() and len(name) <= MAX_NAME_CHARACTERS


class Models(Endpoint):
    """/v1/models and /v1/models/{model}."""

    name = "models"
    path = "/models"
    position = 30
    sdk_method = "models.list"
    schema = "model_list"
    response_rules = ("schema", "schema/details", "content_type")
    reference = "models/methods/list"

    @classmethod
    def answers(cls, call: Call) -> bool:
        """Tell whether a call asks for the list, or for one model."""
        return call.path == cls.path or (call.method == "GET" and call.path.startswith(f"{cls.path}/"))

    @classmethod
    def schema_of(cls, call: Call) -> str | None:
        """Return the schema of the list, or of one model."""
        return super().schema_of(call) if call.path == cls.path else "model"

    def ask_plain(self, *, stream: bool = False) -> Exchange:  # noqa: ARG002 - nothing is streamed
        """Ask for the list.

        Raises:
            ControlFailedError: there is none.
        """
        return self.list()

    def list(self) -> Exchange:
        """Ask for the list, as a control.

        Raises:
            ControlFailedError: there is none.
        """
        return self.session.send_control(Call(method="GET", path=self.path, sdk_method=self.sdk_method))

    def retrieve(self, name: str) -> Exchange:
        """Ask for one model, as a treatment.

        Raises:
            UndeterminedError: no client can ask for such a name.
            RequestRejectedError, RequestFailedError: the server did not find it.
        """
        if not is_addressable(name):
            raise UndeterminedError("the list names a model by what cannot stand in an address")
        call = Call(method="GET", path=f"{self.path}/{name}", sdk_method="models.retrieve", sdk_arguments=(name,))
        return self.session.send_treatment(call)
