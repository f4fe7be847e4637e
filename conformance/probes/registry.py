"""How a row is declared beside its experiment: `@probe` and `declare_derived`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from conformance.checklist.claims import documented_boxes
from conformance.checklist.field_values import FieldValues
from conformance.checklist.rows import Row, declare
from conformance.checklist.verdicts import Severity

from .chance import AS_PARTS
from .endpoints import Endpoint, capability_of
from .observation import Observation
from .session import Session


@dataclass(frozen=True)
class Experiment:
    """A function that sends requests and says what it saw, and the endpoints that it is given, in order."""

    function: Callable[..., Observation]
    endpoints: tuple[type[Endpoint], ...]

    def __call__(self, *endpoints: Endpoint) -> Observation:
        """Run the function."""
        return self.function(*endpoints)

    @property
    def __wrapped__(self) -> Callable[..., Observation]:
        """The function inside a `functools.partial`, if it is one: `inspect.unwrap` finds where it stands."""
        inner: Callable[..., Observation] = getattr(self.function, "func", self.function)
        return inner

    def open(self, session: Session, model: str) -> tuple[Endpoint, ...]:
        """Return the endpoints, ready to be asked of a model."""
        return tuple(endpoint(session=session, model=model) for endpoint in self.endpoints)


def endpoints_of(function: Callable[..., Observation]) -> tuple[type[Endpoint], ...]:
    """Return the endpoints that the parameters of a function are annotated with.

    Raises:
        TypeError: a parameter is annotated with something else, or not at all.
    """
    hints = get_type_hints(function)
    found = [hints.get(name) for name in inspect.signature(function).parameters]
    for kind in found:
        if not (isinstance(kind, type) and issubclass(kind, Endpoint)):
            raise TypeError(f"{function.__qualname__}: annotate each parameter with the endpoint that it is")
    return tuple(kind for kind in found if kind is not None)


def probe(
    row: str,
    *,
    endpoints: Sequence[type[Endpoint]] = (),
    capability: str = "",
    severity: Severity = Severity.MUST,
    chance: str,
    title: str = "",
    description: str = "",
    is_control: bool = False,
    values: FieldValues | None = None,
) -> Callable[[Callable[..., Observation]], Callable[..., Observation]]:
    """Declare a row and the experiment that answers it.

    The docstring says what the server should do. The annotations of the parameters name the endpoints that the
    experiment speaks to; `endpoints` names them where the function serves several. `capability` is the one that a
    target must declare a model for, the endpoint's unless given. `chance` is one of the statements of
    `probes.chance`. `is_control` marks the row about the plain request that is every other
    row's control. `values` belongs to rows about a whole request field: its error rows, and the type check of the
    self-tests' server, follow from them.
    """

    def register(function: Callable[..., Observation]) -> Callable[..., Observation]:
        declare(
            Row(
                id=row,
                description=description or inspect.cleandoc(function.__doc__ or ""),
                title=title or documented_boxes().get(row, "") or _title(row),
                capability=capability or capability_of(row),
                severity=severity,
                false_verdict_probability=chance,
                probe=Experiment(function, tuple(endpoints) or endpoints_of(function)),
                is_control=is_control,
                values=values,
                declared_at=located(function),
            )
        )
        return function

    return register


def declare_derived(
    row: str,
    description: str,
    *parts: str,
    capability: str = "",
    title: str = "",
    chance: str = AS_PARTS,
    values: FieldValues | None = None,
) -> None:
    """Declare a row whose verdict follows from other rows; without `parts`, from the rows below it."""
    frame = inspect.currentframe()
    caller = frame.f_back if frame is not None else None
    declare(
        Row(
            id=row,
            description=description,
            title=title or documented_boxes().get(row, "") or _title(row),
            capability=capability or capability_of(row),
            false_verdict_probability=chance,
            derived_from=parts or (f"{row}/*",),
            values=values,
            declared_at=("", 0) if caller is None else (caller.f_globals["__name__"], caller.f_lineno),
        )
    )


def located(function: Callable[..., Any]) -> tuple[str, int]:
    """Return module and line of a function, the one inside a `functools.partial` included."""
    inner = inspect.unwrap(getattr(function, "func", function))
    return inner.__module__, inner.__code__.co_firstlineno


def _title(row: str) -> str:
    kind, *path = row.split("/")[1:]
    if kind == "fields" and len(path) == 1:
        return f"`{path[0]}`"
    return path[-1].replace("_", " ") if path else kind
