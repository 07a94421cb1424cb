"""Runs the container of a pod by Docker, as a kubelet would."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Object = dict[str, Any]
_NETWORK = "pods"
_KILLED = 137  # the exit code after SIGKILL
_LATE = 1.0  # seconds
_CREATING = threading.Lock()


class Container:
    """The one container of a pod. Thread-safe."""

    def __init__(
        self,
        pod: Object,
        secrets: Mapping[str, Object],
        exports: Mapping[str, Path],
        directory: Path,
        environ: Mapping[str, str],
        mounts: tuple[str, ...],
    ) -> None:
        self._name = pod["metadata"]["name"]
        self._spec = pod["spec"]
        self._memory = self._spec["containers"][0].get("resources", {}).get("limits", {}).get("memory")
        self._secrets, self._exports, self._directory, self._mounts = secrets, exports, directory, mounts
        self._environ = {**os.environ, **environ}
        self._ended = threading.Event()

    def start(self) -> str | None:
        """Start it. Return why not if the engine refuses."""
        self._directory.mkdir(parents=True)
        container = self._spec["containers"][0]
        env = {one["name"]: one["value"].replace("$$(", "$(") for one in container["env"]}
        for reference in container.get("envFrom", ()):
            data = self._secrets.get(reference["secretRef"]["name"], {"data": {}})["data"]
            env |= {key: base64.b64decode(value).decode() for key, value in data.items()}
        options = [f"--env={key}" for key in env]
        options += [f"--memory={self._memory}", f"--memory-swap={self._memory}"] if self._memory else []
        options += [f"--volume={self._host(one)}:{one['mountPath']}{_mode(one)}" for one in container["volumeMounts"]]
        first, *rest = [word.replace("$$(", "$(") for word in container["command"]]
        words = ["run", "--detach", "--pull=never", *self._network(), f"--name={self._name}", *self._mounts, *options]
        words += [f"--workdir={container['workingDir']}", f"--entrypoint={first}", container["image"], *rest]
        done = self._docker(*words, env=env)
        return done.stderr.strip().splitlines()[-1] if done.returncode else None

    def _network(self) -> list[str]:
        """Return the network: the host's, or for pods that find each other by name one with a DNS of its own."""
        if "subdomain" not in self._spec:
            return ["--network=host"]
        with _CREATING:
            if self._docker("network", "inspect", _NETWORK).returncode:
                subnet = f"10.{random.randrange(64, 250)}.{random.randrange(250)}.0/24"  # other engines have their own
                self._docker("network", "create", f"--subnet={subnet}", _NETWORK)
        host = self._spec["hostname"]
        return [f"--network={_NETWORK}", f"--hostname={host}", f"--network-alias={host}.{self._spec['subdomain']}"]

    def _host(self, mount: Object) -> str:
        [volume] = [one for one in self._spec["volumes"] if one["name"] == mount["name"]]
        if "emptyDir" in volume:
            directory = self._directory / "empty" / mount["name"]
            directory.mkdir(parents=True, exist_ok=True)
            return str(directory)
        nfs = volume.get("nfs")
        key = f"{nfs['server']}:{nfs['path']}" if nfs else volume["persistentVolumeClaim"]["claimName"]
        directory = self._exports[key] / mount.get("subPath", "")
        directory.mkdir(parents=True, exist_ok=True)
        return str(directory)

    def wait(self) -> Object:
        """Wait until it ends. Return its state as a kubelet reports it."""
        self._docker("wait", self._name)
        found = json.loads(self._docker("inspect", self._name).stdout or "[{}]")
        state = found[0].get("State", {"ExitCode": _KILLED}) if found else {"ExitCode": _KILLED}
        self._ended.set()
        ran_out = state.get("OOMKilled") or (state["ExitCode"] == _KILLED and self._has_late_oom_event())
        reason = "OOMKilled" if ran_out else "Error" if state["ExitCode"] else "Completed"
        return {"exitCode": state["ExitCode"], "reason": reason}

    def _has_late_oom_event(self) -> bool:
        """Wait a moment for an event that came after the end, which Docker does not count in the state."""
        if not self._memory:
            return False
        until = f"{time.time() + _LATE:.3f}"
        filters = (f"--filter=container={self._name}", "--filter=event=oom")
        return bool(self._docker("events", "--since=1h", f"--until={until}", *filters).stdout)

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def stop(self, grace: int) -> None:
        self._docker(*(["stop", f"--time={min(grace, 1)}"] if grace else ["kill"]), self._name)

    def output(self, *, follow: bool) -> Iterator[bytes]:
        """Yield what it wrote, and empty bytes now and then while nothing comes."""
        words = ["docker", "logs", *(["--follow"] if follow else []), self._name]
        process = subprocess.Popen(
            words, env=self._environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        try:
            while True:
                data = process.stdout.read(65_536)
                if data == b"":
                    return
                yield data or b""
                if data is None:
                    self._ended.wait(0.05) or process.poll()
        finally:
            process.kill()
            process.wait()

    def _docker(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        environ = {**self._environ, **(env or {}), "DOCKER_HOST": self._environ["DOCKER_HOST"]}
        environ["PATH"] = self._environ["PATH"]
        return subprocess.run(["docker", *words], env=environ, capture_output=True, text=True, check=False)


def _mode(mount: Object) -> str:
    return ":ro" if mount.get("readOnly") else ""
