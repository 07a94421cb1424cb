"""Where each setting of a remote comes from."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.connections.login import find_login
from weaselish.connections.user_config import config_file, shown_path
from weaselish.connections.variables import SETTINGS, given_in_environment, variable
from weaselish.model.project import Remote
from weaselish.model.urls import scheme_of, without_secrets
from weaselish.named_tuple import NamedTuple

_HIDDEN = ("name", "auth", "is_user_cache", "is_users")
_CHAINS = {  # of the clouds' own libraries
    "s3": "AWS itself: the environment, the profile, or the role of this machine",
    "gs": "Google Cloud's default credentials",
    "az": "the environment variables of Azure, or its default credentials",
}


class Setting(NamedTuple):
    """A setting of a remote, or a field of its credentials. The value of a credential is None: it must stay hidden."""

    name: str
    value: str | bool | None
    source: str


def settings_of(remote: Remote, *, is_named: bool = True) -> Iterator[Setting]:
    """Yield the settings of a remote that are set, then its credentials. Resolves no secret.

    `is_named` is false for a remote that the user gave by its URL or path. Raises ProjError.
    """
    file = shown_path(config_file()) if remote.is_users else "project.yml" if is_named else "the command line"
    from_variables = given_in_environment(remote.name, SETTINGS)
    for name, value in remote._asdict().items():
        if value and name not in _HIDDEN:
            shown = without_secrets(value) if isinstance(value, str) else value
            source = f"the variable {variable(remote.name, name)}" if name in from_variables else file
            yield Setting(name, shown, source)
    login = find_login(remote)
    for name, found in login.items():
        yield Setting("credentials" if name == "keyring" else name, None, found.source)
    scheme = scheme_of(remote.url)
    if not login and scheme in _CHAINS and not remote.anonymous:
        yield Setting("credentials", None, _CHAINS[scheme])
