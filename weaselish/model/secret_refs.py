"""References to secrets: project.yml and the user's config.yml say where a secret is, never what it is."""

from __future__ import annotations

import re
from enum import StrEnum

from weaselish.errors import near_match
from weaselish.model.interpolate import BadReference
from weaselish.named_tuple import NamedTuple


class SecretKind(StrEnum):
    """Where the value of a secret is: the prefix of a reference."""

    ENV = "env"
    FILE = "file"
    KEYRING = "keyring"
    COMMAND = "cmd"
    AWS = "aws-sm"


class SecretRef(NamedTuple):
    """A reference to a secret. Its text form is the one that users write."""

    kind: SecretKind
    name: str  # of the variable, file, service or AWS secret; the command
    part: str | None = None  # the user in a keyring; the field of an AWS secret, None for its entire text
    profile: str | None = None  # of the AWS configuration
    region: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case SecretKind.KEYRING:
                return f"{self.kind}:{self.name}/{self.part}"
            case SecretKind.AWS:
                options = [f"{key}={value}" for key in _AWS_OPTIONS if (value := getattr(self, key))]
                field = f"#{self.part}" if self.part else ""
                return f"{self.kind}:{self.name}{field}{'?' if options else ''}{'&'.join(options)}"
            case _:
                return f"{self.kind}:{self.name}"


class AuthType(StrEnum):
    """How a remote over HTTP lets a user in."""

    BASIC = "basic"
    BEARER = "bearer"
    API_KEY = "api_key"


class Auth(NamedTuple):
    """The `auth` of a remote. `basic` has user and password, the others a token."""

    type: AuthType
    user: str | SecretRef | None = None
    password: SecretRef | None = None
    token: SecretRef | None = None


SECRET_KEYS = ("user", "password", "token")  # of `auth`
FORMS = "`env:NAME`, `file:PATH`, `keyring:SERVICE/USER`, `cmd:COMMAND` or `aws-sm:SECRET#FIELD`"
HOW_TO_STORE = f"write where the value is: {FORMS}; or store it outside: `proj remote add` asks for it"

_AWS_OPTIONS = ("profile", "region")
_AWS_DEFAULT = ("Artifactory", "token")  # secret and field, as Skelebot has them
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PREFIXES = tuple(f"{kind}:" for kind in SecretKind)


def is_secret_reference(text: str) -> bool:
    """Return whether a text has the prefix of a reference to a secret."""
    return text.startswith(_PREFIXES)


def literal_secret(key: str) -> BadReference:
    """Return the error for a secret in place of a reference. It does not show the value."""
    return BadReference(f"`{key}` must say where the secret is, not contain it", HOW_TO_STORE)


def parse_secret(text: str, key: str) -> SecretRef:
    """Return the reference that is the value of `key`. Raises BadReference, which shows no value."""
    if not is_secret_reference(text):
        raise literal_secret(key)
    prefix, _, rest = text.partition(":")
    kind = SecretKind(prefix)
    match kind:
        case SecretKind.ENV if not _VARIABLE.fullmatch(rest):
            raise BadReference(f"`{key}`: `env:` needs the name of an environment variable", "for example `env:TOKEN`")
        case SecretKind.KEYRING:
            service, slash, user = rest.rpartition("/")
            if not slash or not service or not user:
                raise BadReference(f"`{key}`: `keyring:` needs a service and a user", "for example `keyring:proj/lab`")
            return SecretRef(kind, service, user)
        case SecretKind.AWS:
            return _aws(rest, key)
        case _ if not rest.strip():
            noun = "the path of a file" if kind is SecretKind.FILE else "a command"
            raise BadReference(f"`{key}`: `{kind}:` needs {noun}", f"the forms are {FORMS}")
    return SecretRef(kind, rest)


def _aws(rest: str, key: str) -> SecretRef:
    """Parse `SECRET#FIELD?profile=P&region=R`, of which each part may be missing."""
    from urllib.parse import parse_qsl

    address, _, query = rest.partition("?")
    name, hash_sign, field = address.partition("#")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option not in _AWS_OPTIONS:
            close = near_match(option, _AWS_OPTIONS)
            hint = f"did you mean `{close}`?" if close else "`profile` and `region` are possible"
            raise BadReference(f"`{key}`: `aws-sm:` has no option of that name", hint)
    if hash_sign and not field:
        raise BadReference(f"`{key}`: `aws-sm:` needs the name of a field after `#`", "for example `aws-sm:lab#token`")
    default, default_field = _AWS_DEFAULT
    part = field or (None if name else default_field)
    return SecretRef(
        SecretKind.AWS, name or default, part, options.get("profile") or None, options.get("region") or None
    )
