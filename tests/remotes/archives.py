"""Archives and records as a hostile or broken remote may hold them."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .samples import edit_record, records

Member = tuple[str, Mapping[str, Any]]  # name, and what else is in its header; `data`: a file's bytes


def archive(*members: Member) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, header in members:
            info = tarfile.TarInfo(name)
            data = header.get("data", b"")
            info.size = len(data)
            for key, value in header.items():
                if key != "data":
                    setattr(info, key, value)
            if "size" in header:  # a claim, without what it claims
                out.write(info.tobuf(tarfile.PAX_FORMAT))
            else:
                tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


FOLDER = ("out", {"type": tarfile.DIRTYPE, "mode": 0o755})


def file(name: str, data: bytes = b"x") -> Member:
    return name, {"data": data}


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> Member:
    return name, {"type": kind, "linkname": target}


def put(remote: Path, output: str, data: bytes) -> Path:
    """Replace the bytes of the only object of an output by `data`, and adapt its record, as an attacker could."""
    (path,) = (remote / output).glob("*/*")
    path.chmod(0o644)
    path.write_bytes(data)
    (record,) = (path for path in records(remote) if f'"path": "{output}"' in path.read_text())
    document = json.loads(record.read_text())
    changed = [{**item, "size": None, "files": None} for item in document["outputs"]]
    stored = [{**item, "size": len(data)} if item["path"] == output else item for item in document["objects"]]
    edit_record(record, outputs=changed, objects=stored)
    return path


HOSTILE: dict[str, tuple[Sequence[Member], str]] = {
    "a link and a file through it": ((FOLDER, link("out/up", ".."), file("out/up/evil")), "leads out of the output"),
    "a link within and a file through it": (
        (FOLDER, ("out/in", {"type": tarfile.DIRTYPE}), link("out/to", "in"), file("out/to/evil")),
        "below `out/to`, which is a link",
    ),
    "an absolute link": ((FOLDER, link("out/etc", "/etc")), "leads out of the output"),
    "a link in place of the output": ((link("out", "../elsewhere"), file("out/evil")), "leads out of the output"),
    "a hard link to the outside": (
        (FOLDER, link("out/passwd", "/etc/passwd", tarfile.LNKTYPE)),
        "is not part of it",
    ),
    "two points": ((FOLDER, file("out/../evil")), "holds `out/../evil`, which is not part of it"),
    "two points first": ((file("../evil"),), "holds `../evil`, which is not part of it"),
    "an absolute name": ((file("/tmp/evil-of-proj"),), "is not part of it"),
    "a neighbour": ((FOLDER, file("outer/evil")), "holds `outer/evil`, which is not part of it"),
    "project.yml": ((FOLDER, file("project.yml")), "holds `project.yml`, which is not part of it"),
    "a device": ((FOLDER, ("out/null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})), "is a device"),
    "a disk": ((FOLDER, ("out/disk", {"type": tarfile.BLKTYPE, "devmajor": 8, "devminor": 0})), "is a device"),
    "a pipe": ((FOLDER, ("out/pipe", {"type": tarfile.FIFOTYPE})), "is a device"),
    "a file twice": ((FOLDER, file("out/a"), file("out/a", b"y")), "holds `out/a` twice"),
    "a name that upsets a terminal": ((FOLDER, file("out/\x1b[2J/../../evil")), r"`out/\x1b[2J/../../evil`"),
}
