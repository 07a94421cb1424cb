"""Cutting streams into parts, and moving several parts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from weaselish.stores import parts
from weaselish.stores.parts import Mover, cut, part_size


@given(some.lists(some.binary(max_size=40)), some.integers(1, 20))
def test_parts_are_the_same_bytes_in_equal_pieces(chunks: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART", size)
        cut_up = list(cut(chunks))
    assert b"".join(cut_up) == b"".join(chunks)
    assert all(len(part) == size for part in cut_up[:-1])
    assert all(0 < len(part) <= size for part in cut_up)


def test_ten_thousand_parts_hold_a_tebibyte_and_the_first_23_gib_are_equal() -> None:
    sizes = [part_size(number) for number in range(10_000)]
    assert sum(sizes) >= 2**40
    assert len(set(sizes[:3_000])) == 1 and sum(sizes[:3_000]) >= 23 * 2**30


class Meter:
    """Calls that wait until released, and how many of them were under way at once."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self.lock = threading.Lock()

    def call(self, number: int) -> Callable[[], int]:
        def run() -> int:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            threading.Event().wait(0.002 * (number % 3))
            with self.lock:
                self.now -= 1
            return number

        return run


def test_results_come_in_order_and_no_more_run_than_the_allowance_pays_for() -> None:
    meter = Meter()
    mover = Mover(threads=8, allowance=30)
    calls = ((10, meter.call(number)) for number in range(50))
    assert list(mover.in_order(calls)) == list(range(50))
    assert 1 < meter.most <= 4  # the first costs nothing


def test_one_lane_runs_one_after_the_other() -> None:
    meter = Meter()
    assert list(Mover().in_order(((1, meter.call(number)) for number in range(20)), most=1)) == list(range(20))
    assert meter.most == 1


def test_two_transfers_through_each_other_do_not_wait_for_ever() -> None:
    mover = Mover(threads=2, allowance=20)
    reading = mover.in_order((10, lambda: 1) for _ in range(10))
    writing = mover.in_order((10, lambda got=got: got) for got in reading)
    assert sum(writing) == 10


def test_the_allowance_is_given_back_however_a_transfer_ends() -> None:
    mover = Mover(threads=4, allowance=100)

    def fail() -> int:
        raise ZeroDivisionError

    def calls() -> Iterator[tuple[int, Callable[[], int]]]:
        yield from [(10, lambda: 1)] * 5
        raise KeyError

    with pytest.raises(ZeroDivisionError):
        list(mover.in_order([(10, fail), (10, fail), (10, lambda: 1)]))
    with pytest.raises(KeyError):
        list(mover.in_order(calls()))
    stopped = mover.in_order([(10, lambda: 1)] * 9)
    next(stopped)
    stopped.close()
    assert mover._allowance == 100


def test_nothing_runs_any_more_when_a_transfer_has_ended() -> None:
    meter = Meter()
    running = Mover(threads=4).in_order((1, meter.call(number)) for number in range(30))
    next(running)
    running.close()
    assert meter.now == 0
