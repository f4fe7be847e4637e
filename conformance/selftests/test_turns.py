"""Turns: no worker asks the next model while another still asks the one before."""

import os
import subprocess
import sys
import threading

import pytest

from conformance.runner.model_schedule import Turns


def taking(turns, place):
    """Take a place in a thread of its own; an event that is set when it is taken."""
    taken = threading.Event()

    def take():
        turns.take(place)
        taken.set()

    threading.Thread(target=take, daemon=True).start()
    return taken


def test_a_worker_alone_never_waits(tmp_path):
    turns = Turns(tmp_path, "gw0")
    for place in (3, 0, 7):
        turns.take(place)


@pytest.mark.parametrize("goes_on", [lambda turns: turns.take(1), Turns.leave])
def test_the_next_model_waits_until_all_are_done_with_this_one(tmp_path, goes_on):
    first, second = Turns(tmp_path, "gw0"), Turns(tmp_path, "gw1")
    first.take(0)
    taken = taking(second, 1)
    assert not taken.wait(0.3)
    goes_on(first)
    assert taken.wait(20)


def test_a_worker_that_has_not_begun_is_waited_for(tmp_path):
    Turns(tmp_path, "gw0").take(0)
    late = Turns(tmp_path, "gw1")
    taken = taking(Turns(tmp_path, "gw2"), 1)
    assert not taken.wait(0.3)
    late.leave()


def test_the_same_model_is_asked_by_all_at_once(tmp_path):
    workers = [Turns(tmp_path, f"gw{number}") for number in range(3)]
    assert all(taking(worker, 0).wait(20) for worker in workers)


def test_a_worker_that_was_killed_holds_nobody_up(tmp_path):
    code = "import os, sys; from conformance.runner.model_schedule import Turns; "
    code += "Turns(__import__('pathlib').Path(sys.argv[1]), 'gw0')"
    subprocess.run([sys.executable, "-c", f"{code}; os._exit(9)", str(tmp_path)], check=False, env=dict(os.environ))
    assert (tmp_path / "turn-gw0.place").read_text() == "0"
    Turns(tmp_path, "gw1").take(1)
