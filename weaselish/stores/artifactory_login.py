"""How a user logs in to Artifactory: the header of each request, and what messages may say about it."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from weaselish.connections.credentials import Credentials

API_KEY = "X-JFrog-Art-Api"


class Login:
    """The header that credentials become. Its text form names the kind and shows no value.

    A token beside a user's name counts as the password, as Artifactory has it. Raises ValueError, without the value,
    for what cannot be in a header.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._secrets = [value for value in (credentials.password, credentials.token, credentials.api_key) if value]
        self.headers, self._kind = _header(credentials)
        if not all(value.isascii() and value.isprintable() for value in self.headers.values()):
            raise ValueError("the token contains a line break or another character that a header cannot have")
        self._secrets += [value.partition(" ")[2] for value in self.headers.values() if " " in value]

    def __str__(self) -> str:
        return self._kind

    def masked(self, text: str) -> str:
        """Replace the secrets that a server repeats in its message."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text


def _header(credentials: Credentials) -> tuple[Mapping[str, str], str]:
    user, password = credentials.user, credentials.password or credentials.token
    if credentials.api_key:
        return {API_KEY: credentials.api_key}, "an API key"
    if user and password:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, f"the user `{user}` and a password or token"
    if credentials.token:
        return {"Authorization": f"Bearer {credentials.token}"}, "a token"
    return {}, "no login"
