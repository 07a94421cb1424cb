"""The values that a store logs in with."""

from __future__ import annotations

from weaselish.named_tuple import NamedTuple


class Credentials(NamedTuple):
    """What a store logs in with. Only the fields of its kind are set. Neither `str` nor `repr` shows a value."""

    access_key: str | None = None  # of an S3 server
    secret_key: str | None = None
    session_token: str | None = None
    user: str | None = None  # basic
    password: str | None = None
    token: str | None = None  # bearer
    api_key: str | None = None  # Artifactory's old API keys

    def __repr__(self) -> str:
        names = [name for name, value in self._asdict().items() if value is not None]
        return f"Credentials({', '.join(names)})"
