"""`--user` and `--token` of `proj artifact`, and secrets that never show."""

from __future__ import annotations

import pytest
from harness import ProjectDir

from weaselish.connections.credentials import Credentials
from weaselish.connections.given import typed_credentials
from weaselish.errors import UsageError
from weaselish.model.project import Remote
from weaselish.model.secret_refs import Auth, AuthType

URL = "https://example.org/models"
TYPED = [  # the `auth:` of the remote, what the user typed, what the store signs in with
    (None, "me", "secret", Credentials(user="me", password="secret")),
    (None, None, "secret", Credentials(token="secret")),
    (AuthType.BASIC, "me", "secret", Credentials(user="me", password="secret")),
    (AuthType.BASIC, None, "secret", Credentials(password="secret")),
    (AuthType.BEARER, "me", "secret", Credentials(token="secret")),
    (AuthType.API_KEY, "me", "secret", Credentials(user="me", api_key="secret")),
]


@pytest.mark.parametrize(("auth", "user", "token", "expected"), TYPED)
def test_a_token_is_what_the_remote_asks_for(
    auth: AuthType | None, user: str | None, token: str, expected: Credentials
) -> None:
    remote = Remote("models", URL, auth=Auth(auth) if auth else None)
    assert typed_credentials(remote, user, token) == expected


def test_other_remotes_take_no_user() -> None:
    for url in ("s3://bucket", "../remote"):
        with pytest.raises(UsageError):
            typed_credentials(Remote("models", url), "me", "secret")


def test_a_typed_secret_is_in_no_message(trained: ProjectDir) -> None:
    for words in (("push", "model"), ("pull", "model", "LATEST"), ("push", "ALL"), ("push", "model", "--json")):
        done = trained.proj("artifact", *words, "-u", "me", "-t", "planted-secret")
        assert done.code != 0
        assert "planted-secret" not in done.out + done.err
    assert not [path for path, content in trained.files().items() if content and b"planted-secret" in content]
