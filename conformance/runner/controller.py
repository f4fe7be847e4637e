"""The controller's part: open the target, conclude the run, write the report."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from conformance.checklist.findings import Finding
from conformance.errors import UsageError
from conformance.judge.finalize import (
    derive_findings,
    finalize_findings,
    has_regressions,
    judge_rules,
)
from conformance.probes.endpoints import Chat, TextEndpoint, endpoint_for_model
from conformance.probes.session import UndeterminedError, is_usable
from conformance.report.baseline import baseline_for
from conformance.report.build import RunResult, build_report
from conformance.report.publish import Published, check_outputs, publish
from conformance.report.render.terminal import Line, format_conclusion
from conformance.report.text import clean_line
from conformance.targets.opening import Target, open_target
from conformance.targets.progress import Step
from conformance.wire.client import ServerUnreachableError
from conformance.wire.exchange import Call, Exchange
from conformance.wire.network import is_this_machine

from .cache_dependence import depends_on_cache
from .control_summary import ControlSummary, describe_no_control, summarize_control
from .cost import estimate_cost
from .evaluate import describe_failure
from .image_server import serve_sample_images
from .interruption import drops_streams
from .options import OPTIONS
from .rule_confirmation import RULE_ATTEMPT, confirm_rules
from .run_directory import RunDirectory, SelectedItem, create_run_directory
from .sharding import Shard, shard_of
from .signals import sigterm_as_keyboard_interrupt
from .worker import Isolation, RunSettings, Worker


class _Options:
    """The options of a run as attributes, out of pytest's namespace."""

    junitxml: str | None

    def __init__(self, namespace: Any) -> None:
        for option in OPTIONS:
            setattr(self, option.name, getattr(namespace, f"conformance_{option.name}", None))
        self.junitxml = self.junitxml or getattr(namespace, "xmlpath", None)  # as pytest calls it, see the plugin


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """The finding of a row that no worker ran, and its pytest item."""

    finding: Finding
    item: SelectedItem


class Controller:
    """One run, from the first look at the target to the written report."""

    def __init__(self, namespace: Any, environ: Mapping[str, str], notify: Callable[[str], None]) -> None:
        """Begin a run with pytest's options. `notify`: shows a line to the user, at once."""
        self.options: Any = _Options(namespace)
        self.environ = environ
        self.notify = notify
        self.interrupted = False
        self.stop_reason = ""
        """What ended the asking early though the server was there; empty where nothing did."""
        self.internal_errors: dict[str, str] = {}
        """Row, or what else failed -> the error of our own that kept it from a verdict."""
        self.status: int | None = None
        self.report: dict[str, Any] | None = None
        self.summary: Sequence[Line] = ()
        """The lines that end the run."""
        self._stack = ExitStack()
        self._started = time.time()
        self._shard: Shard | None = None
        self._control: ControlSummary | None = None
        self._isolation_notes: list[str] = []

    def open(self, rows: Sequence[str] = ()) -> Worker:
        """Open the target and the run's folder; return the controller's own part in the run.

        `rows`: those that the run is about; what they may cost is told where the server is on another machine.

        Raises:
            UsageError: the target cannot be asked, or an option or file is wrong.
        """
        self._check_options()
        self._stack.enter_context(sigterm_as_keyboard_interrupt())
        directory = self._stack.enter_context(create_run_directory())
        opened = open_target(self.options, self.environ, directory.server_logs, self.notify)
        self.target: Target = self._stack.enter_context(opened)
        host = urlsplit(self.target.base_url).hostname or ""
        if not is_this_machine(host):
            self.notify(estimate_cost(rows).describe(host))
        self._expected = baseline_for(self.options, self.target.record())
        self.worker = Worker(self._settings(directory))
        try:
            self._warm_up()
            self._negotiate()
            self._isolate()
        except ServerUnreachableError as error:
            raise UsageError(str(error)) from error
        return self.worker

    def _check_options(self) -> None:
        if not 0 < self.options.deadline < math.inf:
            raise UsageError(f"--deadline: {self.options.deadline:g}: give a number of seconds above 0")
        self._shard = shard_of(self.options.shard)
        if self._shard and self.options.update_baseline:
            raise UsageError("--update-baseline: a shard is no baseline; give it to openai-conformance merge")
        check_outputs(self.options)

    def _isolate(self) -> None:
        """Have generations asked one at a time where the server does not take several at once as it takes one."""
        model = self.worker.settings.models.get("chat")
        if model is None:
            return
        chat = Chat(session=self.worker.session(), model=model)
        self.notify(Step("finding out how streams and the cache behave", share=0))
        if chat.control.works and drops_streams(chat):
            self._isolate_as("alone", "a stream ends when another request comes, so one is asked at a time")
        if depends_on_cache(chat):
            self._isolate_as(
                "reset", "text changes with what was asked before: generations are asked alone, after a reset"
            )

    def _isolate_as(self, isolation: Isolation, note: str) -> None:
        self.notify(note)
        self._isolation_notes.append(note)
        self.worker = Worker(replace(self.worker.settings, isolation=isolation))

    def _settings(self, directory: RunDirectory) -> RunSettings:
        target = self.target
        return RunSettings(
            directory=str(directory.path),
            base_url=target.base_url,
            embedding_base_url=target.embedding_base_url,
            native_url=target.base_url.removesuffix("/v1"),
            key=target.key,
            image_url=self._stack.enter_context(serve_sample_images(target.base_url)),
            models={capability: model.id for capability, model in target.models.items()},
            deadline=self.options.deadline,
            baseline=self._expected.verdicts if self._expected else None,
            require_supported=self.options.require_supported,
            shard=str(self._shard or ""),
        )

    def _warm_up(self) -> None:
        """Load each model, and see that at least one answers.

        Raises:
            UsageError: no model answers.
        """
        models = self.worker.settings.models
        problems = []
        for number, model in enumerate(names := list(dict.fromkeys(models.values()))):
            capability = next(name for name, id_ in models.items() if id_ == model)
            self.notify(Step(f"warming up {model}", share=number / len(names)))
            if problem := self._find_problem(capability, model):
                problems.append(problem)
        if len(problems) == len(set(models.values())):
            raise UsageError(f"no model can be asked: {'; '.join(problems) or 'the target declares none'}")
        for problem in problems:
            self.notify(f"warning: {problem}")

    def _find_problem(self, capability: str, model: str) -> str:
        """Return why a model cannot be asked, empty where it can.

        Raises:
            UsageError: it is the chat model that the user named.
        """
        exchange = self.worker.warm_up(capability, model)
        words = ""
        endpoint = endpoint_for_model(capability)(session=self.worker.session(), model=model)
        if isinstance(endpoint, TextEndpoint):
            try:
                words = "" if endpoint.control.works else describe_no_control(endpoint.control)
            except UndeterminedError as busy:
                words = str(busy)
        elif not is_usable(exchange):
            words = describe_failure(exchange)
        problem = _describe_problem(capability, model, exchange, words) if words else ""
        if problem and model == self.options.model:
            raise UsageError(f"no model can be asked: {problem}")
        return problem

    def _negotiate(self) -> None:
        """Find out how the chat model is asked, and say so."""
        model = self.worker.settings.models.get("chat")
        if model is None:
            return
        session = self.worker.session()
        if not Chat(session=session, model=model).control.works:
            return
        self._control = summarize_control(session, model)
        self.notify(self._control.line)

    def stop(self, error: BaseException) -> None:
        """Take note of what ended the asking early: a signal, an option such as -x, or our own error."""
        self.interrupted = type(error) is KeyboardInterrupt or isinstance(error, pytest.exit.Exception)
        if self.interrupted:
            self.stop_reason = "the run was interrupted"
        elif isinstance(error, (pytest.Session.Failed, KeyboardInterrupt)):  # pytest's and xdist's own, for -x
            self.stop_reason = f"the run ended early: {error}"
        else:
            self.stop_reason = "the run ended early by an error of our own"

    def conclude(self) -> tuple[Conclusion, ...]:
        """Judge what only all answers together can tell, and write the report.

        Returns the findings of the rows that no worker ran.
        """
        directory = self.worker.directory
        selected = directory.read_selected()
        found = directory.read_findings()
        findings = self._judge(found, selected)
        exchanges = self._read_exchanges()
        self._remove_copies(exchanges)
        self._write(findings, exchanges, selected)
        new = [row for row in findings if row not in found and row in selected]
        return tuple(Conclusion(finding=findings[row], item=selected[row]) for row in new)

    def _read_exchanges(self) -> list[Exchange]:
        return sorted(self.worker.cache.all(), key=lambda exchange: exchange.id)

    def _judge(self, found: Mapping[str, Finding], selected: Mapping[str, SelectedItem]) -> dict[str, Finding]:
        """Return the findings of all rows: those found, of rules, and of rows that follow from others."""
        models = self.worker.settings.models
        if self.worker.directory.abort_reason or self._shard:
            return dict(found)  # without all answers nobody can tell; those of all shards are there when they merge
        exchanges = self._read_exchanges()
        if self.stop_reason:
            return finalize_findings(found, exchanges, models=models, selected=selected, rules=False)
        rules = judge_rules(exchanges, models=models, selected=selected)
        try:
            rules |= confirm_rules(
                derive_findings({**found, **rules}),
                exchanges,
                is_regression=self.worker.is_regression,
                send=self.worker.client(attempt=RULE_ATTEMPT).send,
            )
        except ServerUnreachableError as error:
            self.worker.directory.abort(f"{error}, while rules were confirmed")
            return dict(found)
        except KeyboardInterrupt as error:  # the report is written all the same, without what was not confirmed
            self.stop(error)
            rules = {}
        return derive_findings({**found, **rules})

    def _remove_copies(self, exchanges: Sequence[Exchange]) -> None:
        """Remove the copies of models that a worker made and was killed before it could remove."""
        # A copy whose answer did not come in time may have been made all the same.
        made = [exchange for exchange in exchanges if exchange.accepted or exchange.failure is not None]
        copies = {exchange.call.body["destination"] for exchange in made if exchange.call.path == "/api/copy"}
        gone = [exchange for exchange in exchanges if exchange.accepted and exchange.call.path == "/api/delete"]
        removed = {exchange.call.body["model"] for exchange in gone}
        for name in sorted(copies - removed):
            body = {"model": name}
            call = Call(
                method="DELETE", path="/api/delete", body=body, transport="http", server="native", purpose="cleanup"
            )
            try:
                self.worker.client().send(call)
            except ServerUnreachableError:
                self.notify(f"warning: {name} is left on the server; openai-conformance models remove takes it away")

    def _write(
        self, findings: Mapping[str, Finding], exchanges: Sequence[Exchange], selected: Mapping[str, SelectedItem]
    ) -> None:
        directory = self.worker.directory
        measured = RunResult(
            target=self._describe_target(),
            findings=findings,
            exchanges=exchanges,
            started=self._started,
            seconds=time.time() - self._started,
            gone=directory.abort_reason,
            stopped=self.stop_reason,
            crashed=self.internal_errors,
            models=self.worker.settings.models,
            between=directory.cache_reset_requests,
            shard=self._shard.record(selected) if self._shard else None,
        )
        self.report = build_report(measured, self._expected)
        published = publish(
            self.report,
            exchanges,
            self._expected,
            options=self.options,
            environ=self.environ,
            hints=self.target.hints,
        )
        self.status = self._status(findings, selected, published)
        conclusion = format_conclusion(
            self.report,
            self.status,
            difference=published.difference,
            baseline=self._expected.report["target"] if self._expected else None,
            required=self.options.require_supported,
            ended=self._describe_end(),
        )
        self.summary = (*published.lines, conclusion)

    def _describe_end(self) -> str:
        """Return what ended the run before its end, or spoiled it; empty where nothing did."""
        errors = [f"an error of our own at {row}: {text}" for row, text in sorted(self.internal_errors.items())]
        why = self.worker.directory.abort_reason or self.stop_reason
        return "; ".join([*errors[:1], *([why] if why else [])])

    def _describe_target(self) -> dict[str, Any]:
        target = self.target.record()
        notes = [*target["notes"], *self._isolation_notes]
        if self._control is None:
            return {**target, "notes": notes}
        return {**target, "control": self._control.record, "notes": [*notes, *self._control.notes]}

    def _status(
        self, findings: Mapping[str, Finding], selected: Mapping[str, SelectedItem], published: Published
    ) -> int:
        """Return the exit status, as `openai-conformance run --help` documents it."""
        if self.interrupted:
            return 130
        if self.internal_errors:
            return 3
        if self.worker.directory.abort_reason or not selected or published.refused:
            return 2
        if has_regressions(findings, self.worker.expected, required=self.options.require_supported):
            return 1
        return 2 if self.stop_reason else 0

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()


def _describe_problem(capability: str, model: str, exchange: Exchange, words: str) -> str:
    key = "; give the key with --api-key or OPENAI_API_KEY" if exchange.status in (401, 403) else ""
    option = "--model" if capability == "chat" else f"--{capability}-model"
    named = f" ({option})" if any(known.flag == option for known in OPTIONS) else ""
    return f"{capability} model {model!r}{named}: {words}{key}{_describe_strange_answer(exchange)}"


def _describe_strange_answer(exchange: Exchange) -> str:
    """Return what came where that is no answer of an OpenAI API, not even a refusal; else nothing."""
    if exchange.failure is not None or isinstance(exchange.json, Mapping):
        return ""
    kinds = [value for name, value in exchange.headers if name == "content-type"]
    kind = clean_line(kinds[0], 60) if kinds else "no content type"
    return f"; is this an OpenAI API? {exchange.call.method} {exchange.url} gives {exchange.status}, {kind}"
