"""Makes container images without a registry: archives that Docker and Podman load under the same image ID.

`bb:1` and `bb:2` hold busybox, with another file in each. `host:1` holds nothing but links into /usr: with this
machine's /usr mounted (HOST_OPTIONS) it has the programs of this machine, its Python included.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from servers import CACHE

IMAGES = ("bb:1", "bb:2", "host:1")
HOST_OPTIONS = (
    "--volume=/usr:/usr:ro",
    f"--volume={sys.prefix}:{sys.prefix}:ro",
    "--network=none",
)
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"
_MADE = 1577836800  # 2020-01-01, so that the same content has the same image ID


def archives() -> Iterator[Path]:
    """Return an archive of each image, made once on a machine. Another process may make them at the same time."""
    (CACHE / "images-2").mkdir(parents=True, exist_ok=True)
    with open(CACHE / "images-2" / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in IMAGES:
            archive = CACHE / "images-2" / f"{name.replace(':', '-')}.tar"
            if not archive.exists():
                _write(archive, name, _host() if name == "host:1" else _busybox(name))
            yield archive


def image_id(name: str) -> str:
    """Return the ID that every engine gives the image."""
    archive = CACHE / "images-2" / f"{name.replace(':', '-')}.tar"
    with tarfile.open(archive) as tar:
        manifest = tar.extractfile("manifest.json")
        assert manifest is not None
        return "sha256:" + str(json.load(manifest)[0]["Config"]).removesuffix(".json")


Files = Mapping[str, bytes | str]  # content, or `-> target`; a name that ends in / is a directory


def _busybox(name: str) -> Files:
    program = Path(shutil.which("busybox") or "").resolve()
    applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    links = {f"bin/{applet}": "-> busybox" for applet in applets if applet != "busybox"}
    return {**_base(), "bin/": b"", "bin/busybox": program.read_bytes(), **links, "etc/image-version": name.encode()}


def _host() -> Files:
    places = [name for name in ("bin", "lib", "lib64") if os.path.islink(f"/{name}")]
    linker = {"etc/ld.so.cache": Path("/etc/ld.so.cache").read_bytes()}  # of libraries outside the usual folders
    alternatives = {
        f"etc/alternatives/{name}": f"-> {os.readlink(f'/etc/alternatives/{name}')}"
        for name in os.listdir("/etc/alternatives")
        if os.path.islink(f"/etc/alternatives/{name}")
    }
    return {
        **_base(),
        "usr/": b"",
        "sbin/": b"",
        **{name: f"-> usr/{name}" for name in places},
        **linker,
        **alternatives,
    }


def _base() -> Files:
    return {
        "etc/": b"",
        "etc/passwd": _PASSWD.encode(),
        "root/": b"",
        "tmp/": b"",
        "proc/": b"",
        "sys/": b"",
        "dev/": b"",
    }


def _write(archive: Path, name: str, files: Files) -> None:
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for path in sorted(files):
            _add(tar, path, files[path])
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2020-01-01T00:00:00Z",
            "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": "2020-01-01T00:00:00Z", "created_by": name}],
        }
    ).encode()
    config_id = hashlib.sha256(config).hexdigest()
    manifest = [{"Config": f"{config_id}.json", "RepoTags": [f"localhost/{name}"], "Layers": [f"{digest}/layer.tar"]}]
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as tar:
        _add(tar, f"{config_id}.json", config)
        _add(tar, f"{digest}/layer.tar", layer.getvalue())
        _add(tar, "manifest.json", json.dumps(manifest).encode())
    partial.replace(archive)


def _add(tar: tarfile.TarFile, path: str, content: bytes | str) -> None:
    info = tarfile.TarInfo(path.rstrip("/"))
    info.mtime = _MADE
    info.mode = 0o1777 if path == "tmp/" else 0o755
    if path.endswith("/"):
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif isinstance(content, str):
        info.type, info.linkname = tarfile.SYMTYPE, content.removeprefix("-> ")
        tar.addfile(info)
    else:
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
