"""The controller's part: open the target, conclude the run, write the report."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.checklist.findings import Finding
from conformance.errors import UsageError
from conformance.judge.finalize import finalize_findings, has_regressions
from conformance.probes.endpoints import Chat
from conformance.probes.session import Session, is_usable
from conformance.report.baseline import baseline_for
from conformance.report.build import RunResult, build_report
from conformance.report.publish import Published, check_outputs, publish
from conformance.targets.opening import Target, open_target
from conformance.wire.client import ServerUnreachableError
from conformance.wire.exchange import Call, Exchange

from .cache_dependence import depends_on_cache
from .image_server import serve_sample_images
from .options import OPTIONS
from .run_directory import run_folder, sigterm_as_keyboard_interrupt
from .sharding import Shard, shard_of
from .worker import Run, Settings


class _Options:
    """The options of a run as attributes, out of pytest's namespace."""

    def __init__(self, namespace: Any) -> None:
        for option in OPTIONS:
            setattr(self, option.name, getattr(namespace, f"conformance_{option.name}", None))


class Controller:
    """One run, from the first look at the target to the written report."""

    def __init__(self, namespace: Any, environ: Mapping[str, str], say: Callable[[str], None]) -> None:
        """`namespace`: pytest's options. `say`: shows a line to the user, at once."""
        self.options: Any = _Options(namespace)
        self.environ = environ
        self.say = say
        self.asked = 0
        self.interrupted = False
        self.stopped = ""
        self.crashed: dict[str, str] = {}
        self.written: Path | None = None
        self.status: int | None = None
        self.report: dict[str, Any] | None = None
        self._lines: list[str] = []
        self._stack = ExitStack()
        self._started = time.time()
        self._selected: dict[str, Any] = {}
        self._shard: Shard | None = None

    def open(self) -> Run:
        """Open the target and the run's folder.

        Raises:
            UsageError: the target cannot be asked, or an option or file is wrong.
        """
        if not 0 < self.options.deadline < math.inf:
            raise UsageError(f"--deadline: {self.options.deadline:g}: give a number of seconds above 0")
        self._shard = shard_of(self.options.shard)
        if self._shard and self.options.update_baseline:
            raise UsageError("--update-baseline: a shard is no baseline; give it to openai-conformance merge")
        check_outputs(self.options)
        self._stack.enter_context(sigterm_as_keyboard_interrupt())
        folder = self._stack.enter_context(run_folder())
        self.target: Target = self._stack.enter_context(open_target(self.options, self.environ, folder, self.say))
        self._expected = baseline_for(self.options, self.target.record())
        self.run = Run(settings=self._settings(folder))
        try:
            self._warm()
            if self._depends_on_history():
                self.say("text changes with what was asked before: generations are asked alone, after a reset")
                self.run = Run(settings=replace(self.run.settings, apart=True))
        except ServerUnreachableError as gone:
            raise UsageError(str(gone)) from gone
        return self.run

    def _depends_on_history(self) -> bool:
        model = self.run.settings.models.get("chat")
        if model is None:
            return False
        session = Session(send=self.run.asker().send, models=self.run.settings.models)
        return depends_on_cache(Chat(session=session, model=model))

    def _settings(self, folder: Path) -> Settings:
        target = self.target
        models = {capability: model.id for capability, model in target.models.items()}
        return Settings(
            folder=str(folder),
            base_url=target.base_url,
            embedding_base_url=target.embedding_base_url,
            native_url=target.base_url.removesuffix("/v1"),
            key=target.key,
            image_url=self._stack.enter_context(serve_sample_images(target.base_url)),
            models=models,
            deadline=self.options.deadline,
            baseline=self._expected.verdicts if self._expected else None,
            require_supported=self.options.require_supported,
            shard=str(self._shard or ""),
        )

    def _warm(self) -> None:
        """Load each model, and see that at least one answers.

        Raises:
            UsageError: no model answers.
        """
        answered = 0
        problems = []
        for model in dict.fromkeys(self.run.settings.models.values()):
            capability = next(name for name, id_ in self.run.settings.models.items() if id_ == model)
            exchange: Exchange = self.run.warm(capability, model)
            if is_usable(exchange):
                answered += 1
            else:
                problems.append(_problem(capability, model, exchange))
        if not answered:
            raise UsageError(f"no working control: {'; '.join(problems) or 'the target declares no model'}")
        for problem in problems:
            self.say(f"warning: {problem}")

    def stop(self, why: BaseException) -> None:
        """Take note of what ended the asking early: a signal, an option such as -x, or our own error."""
        self.interrupted = type(why) is KeyboardInterrupt or isinstance(why, pytest.exit.Exception)
        if self.interrupted:
            self.stopped = "the run was interrupted"
        elif isinstance(why, (pytest.Session.Failed, KeyboardInterrupt)):  # pytest's and xdist's own, for -x
            self.stopped = f"the run ended early: {why}"
        else:
            self.stopped = "the run ended early by an error of our own"

    def conclude(self) -> Iterator[tuple[Finding, str, Any]]:
        """Judge what only all answers together can tell, then write the report.

        Yields findings with the id and the place of their pytest item.
        """
        run = self.run
        self._selected = self._read_selected()
        findings = run.findings()
        exchanges = sorted(run.store.all(), key=lambda exchange: exchange.id)
        self._clean_up(exchanges)
        made = list(self._concluded(findings, exchanges)) if not run.gone else []
        self._write(findings, exchanges)
        for finding in made:
            nodeid, location = self._selected[finding.row]
            yield finding, nodeid, location

    def _clean_up(self, exchanges: list[Exchange]) -> None:
        """Remove what a worker copied and was killed before it could remove."""
        copies = {
            each.call.body["destination"] for each in exchanges if each.accepted and each.call.path == "/api/copy"
        }
        removed = {each.call.body["model"] for each in exchanges if each.accepted and each.call.path == "/api/delete"}
        for name in sorted(copies - removed):
            body = {"model": name}
            call = Call(
                method="DELETE", path="/api/delete", body=body, transport="http", server="native", purpose="cleanup"
            )
            try:
                self.run.asker().send(call)
            except ServerUnreachableError:
                self.say(f"warning: {name} is left on the server; openai-conformance models remove takes it away")

    def _read_selected(self) -> dict[str, Any]:
        for file in sorted(self.run.folder.glob("selected-*.json")):
            selected: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return selected
        return {}

    def _concluded(self, findings: dict[str, Finding], exchanges: list[Exchange]) -> Iterator[Finding]:
        if self._shard:
            return iter(())  # only all shards together can tell
        models, selected = self.run.settings.models, self._selected
        return finalize_findings(findings, exchanges, models=models, selected=selected, rules=not self.stopped)

    def _write(self, findings: dict[str, Finding], exchanges: list[Exchange]) -> None:
        measured = RunResult(
            target=self.target.record(),
            findings=findings,
            exchanges=exchanges,
            started=self._started,
            seconds=time.time() - self._started,
            gone=self.run.gone,
            stopped=self.stopped,
            crashed=self.crashed,
            models=self.run.settings.models,
            between=self.run.between,
            shard=self._shard.record(self._selected) if self._shard else None,
        )
        self.report = build_report(measured, self._expected)
        made = publish(
            self.report,
            exchanges,
            self._expected,
            options=self.options,
            environ=self.environ,
            hints=self.target.hints,
        )
        self.written = made.report
        self.status = self._status(findings, made)
        self._lines = list(made.lines)
        if not self._selected:
            self._lines.append("nothing to ask: no row matches -k; openai-conformance list prints all rows")

    def _status(self, findings: dict[str, Finding], made: Published) -> int:
        if self.interrupted:
            return 130
        if self.crashed:
            return 3
        if self.run.gone or not self._selected or made.refused:
            return 2
        if has_regressions(findings, self.run.expected, required=self.options.require_supported):
            return 1
        return 2 if self.stopped else 0

    def summary(self) -> list[str]:
        """The lines that end a run."""
        return self._lines

    def close(self) -> None:
        """Stop what was started."""
        self._stack.close()


def _problem(capability: str, model: str, exchange: Exchange) -> str:
    from .evaluate import describe_failure

    key = "; give the key with --api-key or OPENAI_API_KEY" if exchange.status in (401, 403) else ""
    option = "--model" if capability == "chat" else f"--{capability}-model"
    named = f" ({option})" if any(known.flag == option for known in OPTIONS) else ""
    return f"{capability} model {model!r}{named}: {describe_failure(exchange)}{key}"
