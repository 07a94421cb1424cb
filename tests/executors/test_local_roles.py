from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from weaselish.errors import ProjError
from weaselish.executors.base import Ending, Executor, Outcome
from weaselish.executors.local import ports
from weaselish.executors.local.executor import LocalExecutor
from weaselish.executors.local.ports import free_ports
from weaselish.model.resources import Resources

from .contract import FOREVER
from .roles_contract import SharedRolesContract

pytestmark = pytest.mark.timeout(120)


class TestLocalRoles(SharedRolesContract):
    @pytest.fixture
    def executor(self, tmp_path: Path) -> Executor:
        return LocalExecutor(tmp_path, {"PATH": os.environ["PATH"]}, grace=0.3)

    def test_replicas_share_the_gpus_of_the_job(self) -> None:
        line = 'echo "$CUDA_VISIBLE_DEVICES $GPU_COUNT"'
        roles = self.role("ps", line), self.role("worker", line, replicas=2, resources=Resources(gpus=2))
        assert self.run(*roles, env={"CUDA_VISIBLE_DEVICES": "3,5,a,b"}).succeeded
        assert [self.output(name) for name in ("ps.0", "worker.0", "worker.1")] == [[" 0"], ["3,5 2"], ["a,b 2"]]

    def test_the_memory_limit_is_of_each_replica(self) -> None:
        limits = Resources(memory=200 << 20)
        hungry = self.role("hungry", ("python", "-c", "len(bytearray(300 << 20))"), limits=limits, restarts=1)
        outcome = self.run(hungry, self.role("other", FOREVER))
        if not outcome.is_limited:
            pytest.skip("this user may not limit memory")
        assert outcome.ran_out_of_memory
        assert (outcome.replica, outcome.attempt) == ("hungry.0", 2)
        assert self.living() == []

    def test_each_replica_leads_a_session(self) -> None:
        leads = ("python", "-c", "import os; print(os.getsid(0) == os.getpid())")
        assert self.run(self.role("a", leads, replicas=2)).succeeded
        assert [self.output(f"a.{n}") for n in (0, 1)] == [["True"], ["True"]]

    def test_what_a_successful_replica_left_behind_ends_with_a_job_that_fails(self) -> None:
        early = self.role("early", "sleep 1000 >&- 2>&- & touch gone")
        late = self.role("late", "until [ -e gone ]; do sleep 0.01; done; exit 3")
        assert self.run(early, late).replica == "late.0"
        assert self.living() == []

    def test_what_a_successful_replica_left_behind_lives_on_after_a_success(self) -> None:
        assert self.run(
            self.role("early", "sleep 1000 &"), self.role("helper", "sleep 500 &", keep_alive=True)
        ).succeeded
        assert self.living() == ["sleep 1000 "]

    def test_no_thread_and_no_descriptor_remains(self) -> None:
        self.run(self.role("a", "true"))
        before = len(os.listdir("/proc/self/fd")), threading.active_count()
        self.run(self.role("a", "true", replicas=5), self.role("b", FOREVER, keep_alive=True))
        self.run(self.role("a", "exit 1", replicas=5), self.role("b", FOREVER))
        # what other tests left may end at the same time, so there may be fewer
        assert len(os.listdir("/proc/self/fd")) <= before[0] and threading.active_count() <= before[1]

    def test_a_system_without_more_threads_ends_what_has_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        start, started = threading.Thread.start, list[threading.Thread]()

        def start_one(thread: threading.Thread) -> None:
            if started:
                raise RuntimeError("can't start new thread")
            started.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", start_one)
        outcome = self.run(self.role("a", FOREVER, replicas=3))
        message = "the system allows no more threads"
        assert outcome == Outcome(Ending.NOT_STARTED, 126, message=message, replica="a.1")
        assert self.living() == []

    def test_without_enough_ports_nothing_starts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ports, "_RANGE", range(0))
        outcome = self.run(self.role("a", "true", replicas=2, port=1))
        message, hint = "2 free ports are needed, and there are 0", "lower `replicas`"
        assert outcome == Outcome(Ending.NOT_STARTED, 126, message=message, hint=hint)


def test_ports_are_free_and_given_once() -> None:
    with free_ports(200) as first, free_ports(200) as second:
        assert len({*first, *second}) == 400
        with socket.create_server(("", first[0])), socket.create_server(("127.0.0.1", second[0])):
            pass
    assert not ports._given


def test_too_few_ports_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with free_ports(1) as [port], socket.create_server(("127.0.0.1", port)):
        monkeypatch.setattr(ports, "_RANGE", range(port, port + 1))
        with pytest.raises(ProjError, match="2 free ports are needed, and there are 0"), free_ports(2):
            pass
        with free_ports(0) as none:
            assert none == []
