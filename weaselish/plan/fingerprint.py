"""Everything that goes into a run of a command, and the key that identifies it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache

from weaselish.model.interpolate import env_names, put_env
from weaselish.model.project import Command, Shell
from weaselish.named_tuple import NamedTuple
from weaselish.plan.digests import digest_bytes

KEY_VERSION = "proj-1"
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

DigestPairs = tuple[tuple[str, str | None], ...]  # (path or name, digest); None: not there, not set


Environment = tuple[tuple[str, str], ...]  # what identifies the software environment: (`file:uv.lock`, digest)
ENV_FILE = "file:"  # before the path of a file under `env_files`


class Fingerprint(NamedTuple):
    """All that goes into a run, in parts. Deps in the order of the command, a glob as its matches."""

    script: tuple[str, ...]
    args: tuple[str, ...]
    deps: DigestPairs
    env: DigestPairs
    shell: Shell
    workdir: str
    environment: Environment = ()

    @property
    def key(self) -> str:
        """The command hash: MD5 of the parts as a JSON array. docs/formats.md defines it, golden vectors pin it."""
        return _key(self)


@lru_cache(maxsize=4096)
def _key(of: Fingerprint) -> str:
    parts = [
        KEY_VERSION,
        of.script,
        of.args,
        sorted(dict(of.deps).items()),
        sorted(dict(of.env).items()),
        of.shell,
        of.workdir,
        *([dict(sorted(of.environment))] if of.environment else []),
    ]
    return digest_bytes(_JSON.encode(parts).encode("utf-8", "surrogateescape"), "md5")


def fingerprint(
    command: Command,
    env: Callable[[str], str | None],
    digests_of: Callable[[str], Iterable[tuple[str, str | None]]],
    *,
    args: tuple[str, ...] = (),
    environment: Environment = (),
) -> Fingerprint:
    """Return the fingerprint that a run of the command would have now.

    `env(X)` is the value of `${env.X}`, None if unset. `digests_of(dep)` are the paths that a dep stands for (a glob:
    its matches) with their digests, None for what is not there.
    """
    return Fingerprint(
        script=command.recorded_script,
        args=args,
        deps=tuple(pair for dep in command.deps for pair in digests_of(dep)),
        env=_env_part(command, env),
        shell=command.shell,
        workdir=command.workdir,
        environment=environment,
    )


def _env_part(command: Command, env: Callable[[str], str | None]) -> DigestPairs:
    """Return digests of values: `NAME` for the command's own variables, `ROLE:NAME` for those of a role, and `env.X`
    for the `${env.X}` in its texts."""
    script = command.recorded_script
    variables = (*command.env, *((f"{role.name}:{name}", text) for role in command.roles for name, text in role.env))
    if not variables and not any("${env." in line for line in script):
        return ()
    own = [(name, put_env(text, env)) for name, text in variables]
    used = env_names([*script, *(text for _, text in variables)])
    referenced = [(f"env.{name}", env(name)) for name in sorted(used)]
    return tuple((name, _value_digest(value)) for name, value in [*own, *referenced])


def _value_digest(value: str | None) -> str | None:
    return None if value is None else digest_bytes(value.encode("utf-8", "surrogateescape"), "md5")
