"""Reads single values of the settings: from YAML, or from the text of an environment variable."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from weaselish.files.home import put_home
from weaselish.model.resources import read_bytes, read_cpus
from weaselish.serve.access.roles import Role
from weaselish.serve.settings import Network

Read = Callable[[object], object]  # raises BadSetting

_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_SPAN = re.compile(r"(\d{1,9}) *(s|min|h|d)")
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class BadSetting(Exception):
    """A value that a setting cannot have. `message` follows the name of the setting."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise BadSetting("must be a text")
    return value


def boolean(value: object) -> bool:
    found = _BOOLEANS.get(str(value).lower()) if isinstance(value, bool | str) else None
    if found is None:
        raise BadSetting("must be true or false")
    return found


def whole(lowest: int, highest: int) -> Read:
    """Return a function that reads a whole number in a range."""

    def read(value: object) -> int:
        number = str(value)
        if isinstance(value, bool) or not number.isdecimal() or not lowest <= int(number[:12]) <= highest:
            raise BadSetting(f"must be a whole number from {lowest} to {highest}")
        return int(number)

    return read


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts; in an environment variable commas separate them."""
    items = [item.strip() for item in value.split(",")] if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise BadSetting("must be a list of texts")
    return tuple(items)


def networks(value: object) -> tuple[Network, ...]:
    """Return addresses and networks: `127.0.0.1`, `10.0.0.0/8`."""
    found = []
    for item in texts(value):
        try:
            found.append(ipaddress.ip_network(item))
        except ValueError:
            raise BadSetting(f"`{item}` is not an address or network", "for example `10.0.0.0/8`") from None
    return tuple(found)


def role_mapping(value: object) -> tuple[tuple[str, str], ...]:
    """Return values of a claim with their roles; in an environment variable `staff=viewer,boss=admin`."""
    pairs = dict(item.partition("=")[::2] for item in texts(value)) if isinstance(value, str) else value
    if not isinstance(pairs, Mapping):
        raise BadSetting("must map values of the claim to roles", "for example `{ml-admins: admin, staff: viewer}`")
    names = [role.label for role in Role]
    for role in pairs.values():
        if role not in names:
            raise BadSetting(f"`{role}` is not a role", f"the roles are {', '.join(names)}")
    return tuple((str(key), str(role)) for key, role in pairs.items())


def seconds(value: object) -> float:
    """Return a span of time: `90s`, `30min`, `12h`, `7d`."""
    match = _SPAN.fullmatch(str(value))
    if match is None or int(match[1]) == 0:
        raise BadSetting(f"`{value}` is not a span of time", "for example `12h`; the units are s, min, h and d")
    return float(int(match[1]) * _SECONDS[match[2]])


def size(value: object) -> int:
    found = read_bytes(value)
    if not found:
        raise BadSetting(f"`{value}` is not a size", "for example `16GiB`")
    return found


def processors(value: object) -> float:
    found = read_cpus(value)
    if not found:
        raise BadSetting(f"`{value}` is not a number of processors", "for example `8`")
    return found


def time_of_day(value: object) -> tuple[int, int]:
    """Return hour and minute of `03:15`. YAML 1.1 would read that as a number; our reader keeps the text."""
    match = _TIME.fullmatch(str(value))
    if match is None:
        raise BadSetting(f"`{value}` is not a time of day", 'for example `"03:15"`')
    return int(match[1]), int(match[2])


def host(value: object) -> str:
    """Return an address, or `localhost`."""
    found = text(value)
    try:
        ipaddress.ip_address(found)
    except ValueError:
        if found != "localhost":
            raise BadSetting(f"`{found}` is not an address", "`127.0.0.1`, or `0.0.0.0` for all interfaces") from None
    return found


def base_url(value: object) -> tuple[str | None, str]:
    """Return origin and path: `/team/ml`, or `https://ml.acme.com/team`."""
    found = text(value)
    if found.endswith("/"):
        raise BadSetting("must not end with `/`", f"write `{found.rstrip('/')}`" if found.strip("/") else "remove it")
    split = urlsplit(found)
    has_origin = split.scheme in ("http", "https") and bool(split.hostname)
    is_path = found.startswith("/") and not split.netloc
    if not (has_origin or is_path) or split.query or split.fragment or "@" in split.netloc:
        raise BadSetting(f"`{found}` is not a path or address", "for example `/team/ml` or `https://ml.acme.com/team`")
    if split.path and not _PATH.fullmatch(split.path):
        raise BadSetting("has characters that need escaping", "use letters, digits, `-`, `_`, `.` and `/`")
    if {".", ".."} & set(split.path.split("/")):
        raise BadSetting("must not have the parts `.` and `..`")
    return (f"{split.scheme}://{split.netloc}" if has_origin else None), split.path


def web_address(value: object) -> str:
    """Return an address over HTTPS; over HTTP only of this machine."""
    found = text(value)
    split = urlsplit(found)
    local = split.hostname in ("localhost", "127.0.0.1", "::1")
    if not split.hostname or split.scheme not in (("http", "https") if local else ("https",)):
        raise BadSetting(f"`{found}` is not an address over HTTPS", "for example `https://login.acme.com`")
    return found.rstrip("/") if split.path in ("", "/") else found


def absolute_path(value: object) -> Path:
    """Return a path, which must be absolute or begin with `~`."""
    found = Path(put_home(text(value)))
    if not found.is_absolute():
        raise BadSetting("must be an absolute path", "begin it with `/` or `~/`")
    return found
