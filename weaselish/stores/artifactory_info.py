"""What Artifactory answers about files and folders, and the checksums of a body."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weaselish.stores.base import Stored

if TYPE_CHECKING:
    import httpx

_FILES = re.compile(r'"files"\s*:\s*\[')
_SEPARATORS = " \t\r\n,"
_MOST_UNDECODED = 2**20  # characters: the description of one file is shorter


@dataclass(frozen=True, slots=True)
class Checksums:
    """Size in bytes and hexadecimal digests of a body."""

    size: int
    sha1: str
    sha256: str

    @staticmethod
    def of(body: bytes) -> Checksums:
        sha1 = hashlib.sha1(body, usedforsecurity=False).hexdigest()
        return Checksums(len(body), sha1, hashlib.sha256(body).hexdigest())

    @property
    def headers(self) -> dict[str, str]:
        return {"X-Checksum-Sha1": self.sha1, "X-Checksum-Sha256": self.sha256}

    def are_confirmed_by(self, response: httpx.Response) -> bool:
        """Return whether the answer to a write describes this content."""
        try:
            info = response.json()
            return (int(info["size"]), str(info["checksums"]["sha1"])) == (self.size, self.sha1)
        except (ValueError, TypeError, KeyError):
            return False

    def are_confirmed_by_headers(self, headers: Mapping[str, str]) -> bool:
        """Return whether the headers of a stored object fit this content. A plain web server has no checksum."""
        same_size = headers.get("Content-Length") == str(self.size)
        return same_size and headers.get("X-Checksum-Sha1", self.sha1) == self.sha1


def read_json(response: httpx.Response) -> Mapping[str, Any]:
    """Return the object that an answer holds. Raises ValueError if it is something else, such as a login page."""
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ValueError("the answer is not Artifactory's")
    return answer


def is_file(info: Mapping[str, Any]) -> bool:
    return "children" not in info and "checksums" in info


def stored_file(key: str, info: Mapping[str, Any]) -> Stored:
    """Return the file that `info` describes. Its version is the SHA-1. Raises ValueError for another answer."""
    try:
        return Stored(key, int(info["size"]), _time(info["lastModified"]), str(info["checksums"]["sha1"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"the answer about a file lacks {error}") from None


def version_of(headers: Mapping[str, str]) -> str:
    """Return the version of an object from the headers of its content: the SHA-1, which is also the ETag."""
    return headers.get("X-Checksum-Sha1") or headers.get("ETag", "").strip('"')


def children(info: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names of the files and of the folders in a folder. A file has none."""
    found: tuple[list[str], list[str]] = ([], [])
    try:
        for child in info.get("children", ()):
            found[str(child["folder"]).lower() == "true"].append(str(child["uri"]).strip("/"))
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the answer is not a folder of Artifactory") from None
    return found


def parse_page(token: str) -> tuple[list[str], str]:
    """Return the folders that are left, the current one last, and the name after which it continues."""
    folders, after = json.loads(token)
    return folders, after


def next_page(folders: list[str], after: str) -> str:
    return json.dumps([folders, after])


def listed_files(prefix: str, chunks: Iterable[bytes]) -> Iterator[Stored]:
    """Iterate over the files of a deep listing of `prefix`, which is not held in memory. Raises ValueError."""
    for item in _items(chunks):
        try:
            if str(item.get("folder", "false")).lower() == "true":
                continue
            name, size = str(item["uri"]).lstrip("/"), int(item["size"])
            yield Stored(prefix + name, size, _time(item["lastModified"]), str(item.get("sha1", "")))
        except (KeyError, TypeError, AttributeError):
            raise ValueError("the answer is not a listing of Artifactory") from None


def _items(chunks: Iterable[bytes]) -> Iterator[Any]:
    """Iterate over the items of the array `files`, decoding each as soon as it is complete."""
    decoder, decode, text = codecs.getincrementaldecoder("utf-8")(), json.JSONDecoder().raw_decode, ""
    has_begun = False
    for chunk in chunks:
        text += decoder.decode(chunk)
        if not has_begun:
            if not (match := _FILES.search(text)):
                _check_length(text)
                continue
            text, has_begun = text[match.end() :], True
        position = 0
        while True:
            while position < len(text) and text[position] in _SEPARATORS:
                position += 1
            if text[position : position + 1] == "]":
                return
            try:
                item, position = decode(text, position)
            except ValueError:
                break
            yield item
        text = text[position:]
        _check_length(text)
    raise ValueError("the answer is not a complete listing")


def _check_length(text: str) -> None:
    if len(text) > _MOST_UNDECODED:
        raise ValueError("the answer is not a listing of Artifactory")


def _time(text: object) -> float:
    return datetime.fromisoformat(str(text)).timestamp()
