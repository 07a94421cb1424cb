"""The file of certificate authorities that environment variables name."""

from __future__ import annotations

import os

from weaselish.stores.failures import Failure, FailureKind


class MissingCertificates(Exception):
    """An environment variable or option names a file that does not exist."""

    def __init__(self, option: str, path: str) -> None:
        super().__init__(f"{option} names `{path}`, which is not a file")
        self.option = option

    def failure(self) -> Failure:
        return Failure(FailureKind.MISCONFIGURED, str(self), f"correct or unset {self.option}")


def certificates_file(*options: str) -> str | None:
    """Return the file that the first set variable of `options` names. Raises MissingCertificates if it is missing."""
    for option in options:
        if path := os.environ.get(option):
            check_certificates(option, path)
            return path
    return None


def check_certificates(option: str, path: str) -> None:
    if not os.path.exists(path):  # a directory of certificates is allowed
        raise MissingCertificates(option, path)
