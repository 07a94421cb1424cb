"""A private Slurm on loopback for the tests: one controller and three virtual nodes, without cgroups and accounting.

The daemons run in the foreground, as children that die with this process.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import wait_until

from engines import Missing

NODES = ("n1", "n2", "n3")  # each role of a heterogeneous job needs one of its own
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun")
PR_SET_PDEATHSIG = 1
STOPPING = 10  # seconds until a daemon is killed
CONFIGURATION = """\
ClusterName=test
SlurmctldHost=HOST(127.0.0.1)
SlurmctldPort=PORT0
AuthType=auth/munge
AuthInfo=socket=DIRECTORY/munge.socket
CredType=cred/munge
SlurmUser=root
StateSaveLocation=DIRECTORY/state
SlurmdSpoolDir=DIRECTORY/spool-%n
SlurmctldPidFile=DIRECTORY/slurmctld.pid
SlurmdPidFile=DIRECTORY/slurmd-%n.pid
SlurmctldLogFile=DIRECTORY/slurmctld.log
SlurmdLogFile=DIRECTORY/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_min_interval=0,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SlurmdTimeout=5
SlurmctldTimeout=5
MessageTimeout=5
InactiveLimit=0
KillWait=2
MinJobAge=300
DefMemPerCPU=100
JobRequeue=1
GresTypes=gpu
NodeName=n1 NodeHostname=HOST NodeAddr=127.0.0.1 Port=PORT1 CPUs=8 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
NodeName=n2 NodeHostname=HOST NodeAddr=127.0.0.1 Port=PORT2 CPUs=8 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
NodeName=n3 NodeHostname=HOST NodeAddr=127.0.0.1 Port=PORT3 CPUs=8 RealMemory=4000 Gres=gpu:2 State=UNKNOWN
PartitionName=main Nodes=n[1-3] Default=YES MaxTime=INFINITE State=UP
PartitionName=small Nodes=n2 MaxTime=1 State=UP
"""


class Slurm:
    """A running cluster. `environ` is what a client needs to find it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environ: Mapping[str, str] = {"SLURM_CONF": str(directory / "slurm.conf")}
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        self._configure()
        arguments = ["--foreground", "--force", f"--key-file={self.directory}/munge.key", "--num-threads=2"]
        arguments += [f"--{name}-file={self.directory}/munge.{name}" for name in ("pid", "log", "seed")]
        self._start("munged", *arguments, f"--socket={self.directory}/munge.socket")
        wait_until((self.directory / "munge.socket").exists, "the start of munged")
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_until(lambda: self.states() == ["idle"] * len(NODES), "idle nodes")

    def stop(self) -> None:
        """End all jobs, then all daemons, and remove the files."""
        with suppress(subprocess.TimeoutExpired):
            self.ask("scancel", "--full", "--signal=KILL", "--user=root")
        for name in reversed(tuple(self._daemons)):
            self._end(name)
        for node in NODES:
            _kill(self._steps(node))
        shutil.rmtree(self.directory, ignore_errors=True)

    def ask(self, *words: str) -> str:
        """Run one of Slurm's programs; return what it prints."""
        done = subprocess.run(
            words,
            env={**os.environ, **self.environ},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=30,
        )
        return done.stdout

    def queue(self) -> list[str]:
        """Return the states of the jobs that have not ended."""
        return self.ask("squeue", "-h", "-r", "-o", "%T").split()

    def starts_now(self, job: str) -> bool:
        """Let a job start now that Slurm put into the queue again, for which it would wait two minutes.

        Return whether nothing waits any longer.
        """
        self.ask("scontrol", "update", f"JobId={job}", "StartTime=now")
        return "PENDING" not in self.queue()

    def states(self) -> list[str]:
        """Return the states of the nodes."""
        return self.ask("sinfo", "-h", "-N", "-p", "main", "-o", "%T").split()

    def start_controller(self) -> None:
        self._start("slurmctld", "-D", "-f", f"{self.directory}/slurm.conf")

    def stop_controller(self) -> None:
        self._end("slurmctld")

    def start_node(self, node: str) -> None:
        self._start("slurmd", "-D", "-N", node, "-f", f"{self.directory}/slurm.conf", name=node)

    def kill_node(self, node: str, *, jobs: bool = True) -> None:
        """Kill a node's daemon, and with `jobs` all that it runs, as if the machine had lost its power."""
        victims = [self._daemons[node].pid, *(self._steps(node) if jobs else ())]
        _kill(victims)
        self._daemons.pop(node).wait()

    def _steps(self, node: str) -> list[int]:
        """Return the processes that run the jobs of a node, with all that they started."""
        log = str(self.directory / f"slurmd-{node}.log")
        roots = [pid for pid in _processes() if _name(pid) == "slurmstepd" and log in _open_files(pid)]
        return [pid for root in roots for pid in (root, *_below(root))]

    def _configure(self) -> None:
        host = socket.gethostname().partition(".")[0]
        text = CONFIGURATION.replace("DIRECTORY", str(self.directory)).replace("HOST", host)
        for number, port in enumerate(_free_ports(1 + len(NODES))):
            text = text.replace(f"PORT{number}", str(port))
        (self.directory / "slurm.conf").write_text(text)
        for number in range(2):
            os.mknod(self.directory / f"gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        (self.directory / "gres.conf").write_text(f"NodeName=n[1-3] Name=gpu File={self.directory}/gpu[0-1]\n")
        (self.directory / "munge.key").write_bytes(os.urandom(1024))
        (self.directory / "munge.key").chmod(0o400)
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.directory / name).mkdir()

    def _start(self, program: str, *arguments: str, name: str = "") -> None:
        with open(self.directory / f"{name or program}.out", "ab") as out:
            self._daemons[name or program] = subprocess.Popen(
                [_program(program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **self.environ},
                preexec_fn=_die_with_parent,
            )

    def _end(self, name: str) -> None:
        daemon = self._daemons.pop(name, None)
        if daemon is not None:
            daemon.terminate()
            try:
                daemon.wait(STOPPING)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


@contextmanager
def slurm() -> Iterator[Slurm]:
    """Run a Slurm for the block. Raises Missing."""
    if os.getuid() != 0:
        raise Missing("slurmd starts jobs, for which it must be root")
    for program in PROGRAMS:
        _program(program)
    cluster = Slurm(Path(tempfile.mkdtemp(prefix="weaselish-slurm-")))
    try:
        cluster.directory.chmod(0o755)
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _program(name: str) -> str:
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        raise Missing(f"{name} is not installed")
    return path


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _open_files(pid: int) -> set[str]:
    files = set()
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                files.add(os.readlink(f"/proc/{pid}/fd/{name}"))
    return files


def _below(pid: int) -> list[int]:
    """Return the processes that descend from `pid`."""
    children: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            children += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return [found for child in children for found in (child, *_below(child))]


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(_name(pid) and not _is_zombie(pid) for pid in pids), "the end of the processes")


def _is_zombie(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    return True
