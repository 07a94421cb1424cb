"""Cutting streams into parts, and moving several parts at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as some

from weaselish.cancel import Cancel
from weaselish.errors import Cancelled
from weaselish.stores import parts
from weaselish.stores.parts import PartTransfers, part_size, split_into_parts


@given(some.lists(some.binary(max_size=40)), some.integers(1, 20))
def test_parts_are_the_same_bytes_in_equal_pieces(chunks: list[bytes], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART", size)
        pieces = list(split_into_parts(chunks))
    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(part) == size for part in pieces[:-1])
    assert all(0 < len(part) <= size for part in pieces)


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
    transfers = PartTransfers(Cancel(), threads=8, allowance=30)
    calls = ((10, meter.call(number)) for number in range(50))
    assert list(transfers.in_order(calls)) == list(range(50))
    assert 1 < meter.most <= 4  # the first costs nothing


def test_one_lane_runs_one_after_the_other() -> None:
    meter = Meter()
    assert list(PartTransfers(Cancel()).in_order(((1, meter.call(number)) for number in range(20)), most=1)) == list(
        range(20)
    )
    assert meter.most == 1


def test_two_transfers_through_each_other_do_not_wait_forever() -> None:
    transfers = PartTransfers(Cancel(), threads=2, allowance=20)
    reading = transfers.in_order((10, lambda: 1) for _ in range(10))
    writing = transfers.in_order((10, partial(int, got)) for got in reading)
    assert sum(writing) == 10


def test_the_allowance_is_returned_when_a_transfer_ends_or_fails() -> None:
    transfers = PartTransfers(Cancel(), threads=4, allowance=100)

    def fail() -> int:
        raise ZeroDivisionError

    def calls() -> Iterator[tuple[int, Callable[[], int]]]:
        yield from [(10, lambda: 1)] * 5
        raise KeyError

    with pytest.raises(ZeroDivisionError):
        list(transfers.in_order([(10, fail), (10, fail), (10, lambda: 1)]))
    with pytest.raises(KeyError):
        list(transfers.in_order(calls()))
    stopped = transfers.in_order([(10, lambda: 1)] * 9)
    next(stopped)
    stopped.close()
    assert transfers._allowance == 100


def test_no_call_runs_after_a_transfer_has_ended() -> None:
    meter = Meter()
    running = PartTransfers(Cancel(), threads=4).in_order((1, meter.call(number)) for number in range(30))
    next(running)
    running.close()
    assert meter.now == 0


def test_a_cancelled_transfer_does_not_wait_for_its_calls() -> None:
    with Cancel() as cancel:
        never = threading.Event()
        running = PartTransfers(cancel).in_order([(1, lambda: True), (1, never.wait)])
        assert next(running)
        cancel.request()
        with pytest.raises(Cancelled):
            next(running)
    never.set()
