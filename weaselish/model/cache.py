"""The settings of the run cache: which store holds results, and what may be done with it."""

from __future__ import annotations

from typing import Literal

from weaselish.named_tuple import NamedTuple

CACHE_VARIABLE = "PROJ_CACHE"  # overrides `cache:`
OFF = "off"  # a value of it: no cache
LOCAL = "local"  # the user's own cache directory, unless project.yml has a remote of that name

CacheMode = Literal["read", "write", "read-write"]
CachePolicy = Literal["always", "cheapest"]  # when to restore a result instead of running the step


class CacheSettings(NamedTuple):
    """`remote` is a remote's name, URL or path, or LOCAL."""

    remote: str
    mode: CacheMode = "read-write"
    policy: CachePolicy = "always"

    @property
    def reads(self) -> bool:
        return self.mode != "write"

    @property
    def writes(self) -> bool:
        return self.mode != "read"
