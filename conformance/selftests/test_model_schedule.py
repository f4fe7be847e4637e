"""Rows go to xdist's workers one by one and model by model, whatever the workers do in the meantime."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conformance.runner.model_schedule import ModelSchedule

from .commands import Watched, command, reported
from .servers import CHAT_MODEL, EMBEDDING_MODEL, listening


@dataclass(eq=False)
class FakeNode:
    """A worker as xdist's controller sees it, and as it behaves: it begins an item when it knows what comes next."""

    name: str
    queue: list[int] = field(default_factory=list)
    running: int | None = None
    shutting_down: bool = False
    killed: bool = False

    def send_runtest_some(self, indices: Iterable[int]) -> None:
        if self.killed:
            raise OSError("cannot send to a closed channel")
        assert not self.shutting_down
        self.queue += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def begin(self) -> bool:
        """Begin an item as `xdist.remote` does; whether one was begun."""
        begins = self.running is None and len(self.queue) >= (1 if self.shutting_down else 2)
        if begins:
            self.running = self.queue.pop(0)
        return begins


class Session:
    """xdist's part: it carries events from the workers to the schedule, in an order that chance decides."""

    def __init__(self, stages: list[int], workers: int, seed: int = 0) -> None:
        self.stages = stages
        self.chance = random.Random(seed)  # noqa: S311 - an order, not a secret
        self.schedule = ModelSchedule(workers=workers, stage_of=lambda name: stages[int(name)])
        self.nodes: list[FakeNode] = []
        self.begun: list[int] = []
        self.ended: list[int] = []
        for _ in range(workers):
            self.start()

    def start(self) -> FakeNode:
        node = FakeNode(f"gw{len(self.nodes)}")
        self.nodes.append(node)
        self.schedule.add_node(node)
        self.schedule.add_node_collection(node, [str(number) for number in range(len(self.stages))])
        if self.schedule.collection_is_completed:
            self.schedule.schedule()
        return node

    def begin_all(self) -> None:
        """Let every worker begin what it may, and see that no stage is begun before the earlier ones have ended."""
        for node in self.nodes:
            if not node.killed and node.begin():
                index = node.running
                assert index is not None
                open_ = {each for each in range(len(self.stages)) if each not in self.ended}
                assert self.stages[index] == min(self.stages[each] for each in open_)
                self.begun.append(index)

    def end(self, node: FakeNode) -> None:
        assert node.running is not None
        index, node.running = node.running, None
        self.ended.append(index)
        self.schedule.mark_test_complete(node, index)

    def kill(self, node: FakeNode) -> str | None:
        """Kill a worker; xdist starts another. The item that it is blamed for has ended, as our own error."""
        node.killed = True
        crashed = self.schedule.remove_node(node)
        if crashed is not None:
            self.ended.append(int(crashed))
        self.start()
        return crashed

    def run(self, kills: int = 0) -> None:
        """Run to the end; some workers are killed on the way."""
        while not self.schedule.tests_finished:
            self.begin_all()
            busy = [node for node in self.nodes if node.running is not None and not node.killed]
            assert busy, "nobody can go on"
            node = self.chance.choice(busy)
            if kills and self.chance.random() < 0.3:
                kills -= 1
                self.kill(self.chance.choice([node for node in self.nodes if not node.killed]))
            else:
                self.end(node)


STAGES = [[0] * 7 + [1] * 5 + [2] * 3, [0, 1, 2], [0], [0, 0, 1], [0] * 4 + [3] * 9, [1] * 6, []]


@pytest.mark.parametrize("stages", STAGES, ids=str)
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_every_row_runs_once_and_no_model_before_the_one_before_it_is_done(stages: list[int], workers: int) -> None:
    for seed in range(20):
        session = Session(stages, workers, seed)
        session.run()
        assert sorted(session.begun) == list(range(len(stages)))
        assert not session.schedule.has_pending


def test_rows_are_handed_out_one_by_one_so_all_workers_are_busy_to_the_end_of_a_model() -> None:
    session = Session([0] * 20 + [1] * 20, 2)
    slow, quick = session.nodes
    session.begin_all()
    for _ in range(17):
        session.end(quick)
        session.begin_all()
    # The slow worker has one row in hand and one that waits; the quick one has done all others of the model.
    assert len(slow.queue) == 1
    assert quick.running is not None
    session.end(quick)
    session.begin_all()
    assert quick.running is None  # it waits, with a row of the next model
    session.end(slow)
    session.begin_all()
    session.end(slow)
    session.begin_all()
    assert {session.stages[node.running] for node in session.nodes if node.running is not None} == {1}


@pytest.mark.parametrize("stages", [stages for stages in STAGES if len(stages) > 1], ids=str)
def test_workers_that_are_killed_hold_nobody_up_and_their_rows_are_done_by_others(stages: list[int]) -> None:
    for seed in range(60):
        session = Session(stages, 2, seed)
        session.run(kills=3)
        assert sorted(session.ended) == list(range(len(stages)))
        assert sorted(set(session.begun)) == list(range(len(stages)))


def test_only_a_row_that_had_begun_is_blamed_for_the_death_of_its_worker() -> None:
    session = Session([0, 0, 1, 1], 2)
    first, second = session.nodes
    session.begin_all()
    assert (first.running, second.running) == (0, 1)
    session.end(first)
    session.begin_all()
    assert first.running is None  # it waits with a row of the next model
    assert session.kill(first) is None
    assert session.kill(second) == "1"


def test_a_worker_that_cannot_be_reached_is_given_nothing() -> None:
    session = Session([0, 0, 1, 1, 1], 2)
    dead, alive = session.nodes
    session.begin_all()
    session.end(dead)
    dead.killed = True  # while it waits; xdist has not heard of it when the next model's turn comes
    session.end(alive)
    session.begin_all()
    assert alive.running is not None
    assert session.schedule.remove_node(dead) is None
    session.start()
    session.run()
    assert sorted(session.ended) == list(range(5))


def test_a_worker_that_dies_while_it_empties_its_queue_is_blamed_for_the_row_that_it_runs() -> None:
    session = Session([0] * 9, 2)
    first, _ = session.nodes
    session.begin_all()
    for node in session.nodes:
        node.shutdown()  # as xdist does for -x
    session.end(first)
    session.begin_all()
    assert first.running == 2
    assert session.schedule.remove_node(first) == "2"


def test_workers_that_collect_different_rows_are_our_own_error() -> None:
    schedule = ModelSchedule(workers=2, stage_of=lambda _: 0)
    for name, rows in (("gw0", ["a", "b"]), ("gw1", ["b", "a"])):
        node = FakeNode(name)
        schedule.add_node(node)
        schedule.add_node_collection(node, rows)
    with pytest.raises(RuntimeError, match="different rows"):
        schedule.schedule()


def test_two_real_workers_ask_one_model_after_the_other(tmp_path: Path) -> None:
    watched = Watched()
    options = ("--model", CHAT_MODEL, "--embedding-model", EMBEDDING_MODEL, "-n", "2")
    rows = "chat/fields/stop or chat/fields/seed or embeddings/fields or models/features"
    with listening(watched) as url:
        run = command(tmp_path, "run", "--base-url", url, *options, "-k", rows)
    assert run.status == 0, run.text
    assert {row["verdict"] for row in reported(tmp_path)["rows"]} <= {"supported", "untested", "not_applicable"}
    asked = [
        request.json["model"] for request in watched.posted if request.json["model"] in (CHAT_MODEL, EMBEDDING_MODEL)
    ]
    changes = [name for name, before in zip(asked, ["", *asked], strict=False) if name != before]
    # Each is asked for a token when the run opens, then all rows of one, then all rows of the other.
    assert len(changes) <= 4, changes
