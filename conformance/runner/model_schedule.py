"""The order in which xdist's workers are given rows: all workers ask one model, then all of them the next.

A server with room for one model would otherwise load models back and forth, where one worker still asks the first and
another the second already. Each load takes seconds, and is charged to the request that waits for it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Node(Protocol):
    """What is used here of xdist's `WorkerController`."""

    @property
    def shutting_down(self) -> bool:
        """Whether the worker is gone, or was told to end."""

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        """Append items to the worker's queue."""

    def shutdown(self) -> None:
        """Let the worker end once its queue is empty."""


@dataclass
class _Queue:
    """The items of one worker: indices into the collection."""

    running: int | None = None
    waiting: int | None = None


class ModelSchedule:
    """A scheduler for the hook `pytest_xdist_make_scheduler`: rows one by one, in stages that all workers share.

    No worker begins a row of a stage before every row of the earlier stages has ended. Nothing polls: xdist calls a
    method here at each event, and a worker with nothing to do waits for its queue.

    xdist's protocol makes that possible without a word to the workers. A worker begins an item only when it knows the
    next one, or knows that there is none: pytest wants to be told the next item, for the teardown of fixtures. So
    every worker here has one item that waits, and what makes it begin is its successor, or the order to shut down
    where none is left. Both are sent only when the stage of the waiting item is reached. The successor may be of a
    later stage, and then waits in its turn.

    What a killed worker had not begun goes back to the others, or to the worker that xdist starts in its place.
    """

    def __init__(self, *, workers: int, stage_of: Callable[[str], int]) -> None:
        """Wait for the collections of so many workers. `stage_of`: node id of an item -> its stage, from 0."""
        self._workers = workers
        self._stage_of = stage_of
        self._queues: dict[Node, _Queue] = {}
        self._collections: dict[Node, list[str]] = {}
        self._collection: list[str] = []
        self._stages: list[int] = []
        self._pool: list[int] = []
        """Items that no worker has, in order."""

    @property
    def nodes(self) -> list[Node]:
        """The workers that are there."""
        return list(self._queues)

    @property
    def collection_is_completed(self) -> bool:
        """Whether all workers that the run began with have collected."""
        return len(self._collections) >= self._workers

    @property
    def tests_finished(self) -> bool:
        """Whether every item has ended."""
        return self.collection_is_completed and not self.has_pending

    @property
    def has_pending(self) -> bool:
        """Whether items are left or running."""
        return bool(self._pool) or any(
            queue.running is not None or queue.waiting is not None for queue in self._queues.values()
        )

    def add_node(self, node: Node) -> None:
        """Take in a worker that has started."""
        self._queues[node] = _Queue()

    def add_node_collection(self, node: Node, collection: Sequence[str]) -> None:
        """Take in what a worker has collected."""
        self._collections[node] = list(collection)

    def schedule(self) -> None:
        """Begin, once all have collected; and give work to workers that were started later.

        Raises:
            RuntimeError: workers collected different items, so that an index means nothing.
        """
        if not self._collection:
            self._collection = next(iter(self._collections.values()))
            self._stages = [self._stage_of(node_id) for node_id in self._collection]
            self._pool = sorted(range(len(self._collection)), key=lambda index: (self._stages[index], index))
        if any(collection != self._collection for collection in self._collections.values()):
            raise RuntimeError("the workers have collected different rows")
        self._hand_out()

    def mark_test_complete(self, node: Node, item_index: int, duration: float = 0) -> None:  # noqa: ARG002
        """Take note that a worker has ended an item."""
        queue = self._queues[node]
        left = [index for index in (queue.running, queue.waiting) if index not in (None, item_index)]
        queue.running, queue.waiting = None, next(iter(left), None)
        if node.shutting_down:  # it empties its queue
            queue.running, queue.waiting = queue.waiting, None
        self._hand_out()

    def mark_test_pending(self, item: str) -> None:
        """Have an item run again, by its node id."""
        self._put_back(self._collection.index(item))
        self._hand_out()

    def remove_pending_tests_from_node(self, node: Node, indices: Sequence[int]) -> None:
        """Do nothing that could be asked for: this schedule never takes an item back from a worker that lives.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError

    def remove_node(self, node: Node) -> str | None:
        """Let go of a worker that ended or was killed; return the node id of the item that it was running.

        Raises:
            KeyError: it is not there.
        """
        queue = self._queues.pop(node)
        if queue.waiting is not None:
            self._put_back(queue.waiting)
        self._hand_out()
        return None if queue.running is None else self._collection[queue.running]

    def _put_back(self, index: int) -> None:
        insort(self._pool, index, key=lambda index: (self._stages[index], index))

    def _hand_out(self) -> None:
        """Give each worker an item to wait with, and begin those whose stage is reached."""
        free = [(node, queue) for node, queue in self._queues.items() if not node.shutting_down]
        for node, queue in free:
            if queue.running is None and queue.waiting is None and self._pool:
                self._send(node, queue)
        stage = self._current_stage()
        for node, queue in free:
            if queue.running is None and queue.waiting is not None and self._stages[queue.waiting] <= stage:
                self._begin(node, queue)

    def _current_stage(self) -> int:
        """Return the earliest stage that has items which have not ended."""
        queued = (index for queue in self._queues.values() for index in (queue.running, queue.waiting))
        unfinished = [*self._pool, *(index for index in queued if index is not None)]
        return min((self._stages[index] for index in unfinished), default=0)

    def _begin(self, node: Node, queue: _Queue) -> None:
        """Make a worker begin the item that waits."""
        if self._pool:
            self._send(node, queue)
        else:
            queue.running, queue.waiting = queue.waiting, None
            node.shutdown()

    def _send(self, node: Node, queue: _Queue) -> None:
        """Give a worker the next item; the one that waited begins."""
        try:
            node.send_runtest_some([self._pool[0]])
        except OSError:
            return  # it was killed, and xdist will say so in a moment; the item stays in the pool
        queue.running, queue.waiting = queue.waiting, self._pool.pop(0)
