"""Changes the user's remotes and credentials: both files completely, or neither, one process at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from weaselish.cancel import Cancel
from weaselish.connections.stored_credentials import Stored, credentials_file, parse_credentials, read_private
from weaselish.connections.user_config import config_file, parse_config, shown_path
from weaselish.files.atomic import write_atomically, writing
from weaselish.files.text_file import read_if_exists
from weaselish.files.user_dirs import user_config_dir
from weaselish.files.yaml_edit import with_entries
from weaselish.locks.flock import locked
from weaselish.model.project import Remote

_LOCK = ".lock"
_PRIVATE, _FOR_ALL = 0o600, 0o666


class Draft:
    """The user's remotes and credentials, to be changed in a `with` block of `changing`."""

    def __init__(self, config: bytes, credentials: bytes) -> None:
        """Parse both files. Raises InvalidProject if one is broken: proj does not replace it then."""
        shown = shown_path(config_file()), shown_path(credentials_file())
        self.remotes = parse_config(config, file=shown[0])
        self.credentials = parse_credentials(credentials, file=shown[1])
        self.config_text, self.credentials_text = config.decode("utf-8-sig"), credentials.decode("utf-8-sig")

    def set_remote(self, name: str, remote: Remote | None) -> None:
        """Add, replace or, with None, remove a remote."""
        self.config_text = with_entries(self.config_text, "remotes", {name: remote and as_data(remote)})
        self.remotes = parse_config(self.config_text.encode(), file=shown_path(config_file()))

    def set_credentials(self, name: str, stored: Stored | None) -> None:
        """Add, replace or, with None, remove credentials."""
        if stored is not None or name in self.credentials:
            value = stored if stored is None or isinstance(stored, str) else dict(stored)
            self.credentials_text = with_entries(self.credentials_text, None, {name: value})
            self.credentials = parse_credentials(self.credentials_text.encode(), file=shown_path(credentials_file()))


@contextmanager
def changing(cancel: Cancel) -> Iterator[Draft]:
    """Hold the lock of the user's configuration for the block, and write what the block changed at its end.

    If the block raises, or one of the files cannot be written, both stay as they were. Raises ProjError and Cancelled.
    """
    directory = user_config_dir()
    with writing(f"`{shown_path(directory)}`"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(directory / _LOCK, cancel):
        config, credentials = config_file(), credentials_file()
        old_config = read_if_exists(config, name=shown_path(config))
        old_credentials = read_private(credentials)
        draft = Draft(old_config, old_credentials)
        yield draft
        _write(credentials, old_credentials, draft.credentials_text.encode(), _PRIVATE)
        try:
            _write(config, old_config, draft.config_text.encode(), _FOR_ALL)
        except BaseException:
            with suppress(Exception):  # the first error says why
                _write(credentials, draft.credentials_text.encode(), old_credentials, _PRIVATE)
            raise


def as_data(remote: Remote) -> object:
    """Return a remote as config.yml has it: a URL, or a mapping without options that are not set."""
    fields = {
        name: value
        for name, value in remote._asdict().items()
        if value and name not in ("name", "auth", "is_users", "is_user_cache")
    }
    if remote.auth is not None:
        fields["auth"] = {name: str(value) for name, value in remote.auth._asdict().items() if value is not None}
    return fields["url"] if fields.keys() == {"url"} else fields


def _write(path: Path, old: bytes, new: bytes, mode: int) -> None:
    """Replace a file, or the file that a link names. Nothing happens if it is to stay as it is."""
    if new == old:
        return
    with writing(f"`{shown_path(path)}`"):
        write_atomically(Path(path.resolve()), [new], durable=True, mode=mode)
