"""The document of a job: all that `proj exec` must know to run a step without its project. It holds no secret.

docs/formats.md defines it; a golden vector pins it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from weaselish.model.interpolate import env_names, is_secret
from weaselish.model.project import Algorithm, Command, Shell
from weaselish.model.resources import Resources
from weaselish.model.roles import Role
from weaselish.named_tuple import NamedTuple
from weaselish.plan.fingerprint import DigestPairs, Environment, Fingerprint
from weaselish.plan.record import NO_REPOSITORY, GitCommit
from weaselish.records.untrusted import (
    digest_pairs,
    run_id,
    seconds_or_none,
    sentences_or_none,
    text,
    text_if_any,
    text_or_none,
    texts,
)

FORMAT = 1
_NONE: Mapping[str, str] = MappingProxyType({})


class BadDocument(Exception):
    """A document that is not one of a job, or is of a later version."""


class JobDocument(NamedTuple):
    """A job as it travels. The outputs of its run are published under `run` and the key of `fingerprint`."""

    run: int
    command: Command  # `env` without the values of secrets
    fingerprint: Fingerprint
    objects: Mapping[str, str]  # dep -> key of the object on the remote that holds its content
    algorithm: Algorithm = "md5"
    compat: bool = False
    project: str = ""
    executor: str = ""
    references: Mapping[str, str] = _NONE  # X of `${env.X}` -> the variable that it stands for
    secrets: tuple[str, ...] = ()  # the variables of the command whose values come from the environment of the place
    role_secrets: Mapping[str, tuple[str, ...]] = MappingProxyType({})  # the same of its roles
    variables: DigestPairs = ()  # those that the place must have, with the digests of their values; None: not set
    directories: tuple[str, ...] = ()  # that scripts of the project may expect
    git: GitCommit = NO_REPOSITORY
    reasons: tuple[str, ...] = ()
    sources: Mapping[str, str] = _NONE  # named asset that is fetched -> its dest

    @property
    def key(self) -> str:
        return self.fingerprint.key


def document_of(command: Command, fingerprint: Fingerprint, references: Mapping[str, str], **facts: Any) -> JobDocument:
    """Return the document of a command. `references`: all X of `${env.X}` that the project defines."""
    of_roles = (value for role in command.roles for _, value in role.env)
    used = env_names([*command.recorded_script, *(value for _, value in command.env), *of_roles])
    secrets = literal_secrets(command.env)
    roles = tuple(role._replace(env=_without_secrets(role.env)) for role in command.roles)
    digests = dict(fingerprint.env)
    named = {references.get(name, name): digests.get(f"env.{name}") for name in sorted(used)}
    named |= {name: digests.get(name) for name in secrets}
    return JobDocument(
        command=command._replace(env=_without_secrets(command.env), roles=roles),
        fingerprint=fingerprint,
        role_secrets={role.name: names for role in command.roles if (names := literal_secrets(role.env))},
        references={name: references.get(name, name) for name in sorted(used)},
        secrets=secrets,
        variables=tuple(named.items()),
        **facts,
    )


def literal_secrets(env: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the variables whose values in project.yml are secrets, which no document may hold."""
    return tuple(name for name, value in env if is_secret(name) and "${env." not in value)


def _without_secrets(env: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    secrets = literal_secrets(env)
    return tuple((name, "" if name in secrets else value) for name, value in env)


def encode(document: JobDocument) -> bytes:
    command, then = document.command, document.fingerprint
    deps = [{"path": path, "digest": digest, "object": document.objects.get(path)} for path, digest in then.deps]
    data: dict[str, object] = {
        "format": FORMAT,
        "run": document.run,
        "project": document.project,
        "command": command.name,
        "key": document.key,
        "algorithm": document.algorithm,
        "compat": document.compat,
        "executor": document.executor,
        "script": then.script,
        "args": then.args,
        "shell": then.shell,
        "workdir": then.workdir,
        "environment": dict(then.environment),
        "env": [list(pair) for pair in then.env],
        "deps": deps,
        "declared": command.deps,
        "outputs": command.outputs,
        "outputs_no_cache": command.outputs_no_cache,
        "metrics": command.metrics,
        "written": dict(command.written),
        "directories": document.directories,
        "variables": dict(document.variables),
        "references": dict(document.references),
        "declared_env": dict(command.env),
        "secrets": document.secrets,
        "timeout": command.timeout,
        "memory": command.limits.memory,
        "git": None if document.git == NO_REPOSITORY else document.git._asdict(),
        "reasons": document.reasons,
        **({"sources": dict(document.sources)} if document.sources else {}),
    }
    if command.roles:
        data["roles"] = [_role_data(document, role) for role in command.roles]
    return json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8", "surrogateescape")


def _role_data(document: JobDocument, role: Role) -> dict[str, object]:
    return {
        "name": role.name,
        "replicas": role.replicas,
        "script": role.script,
        "declared_env": dict(role.env),
        "secrets": document.role_secrets.get(role.name, ()),
        "memory": role.limits.memory,
        "keep_alive": role.keep_alive,
    }


def decode(data: bytes) -> JobDocument:
    """Decode a document. Raises BadDocument."""
    try:
        read = json.loads(data)
        if read["format"] != FORMAT:
            raise BadDocument("a later version of proj wrote it")
        document = _decoded(read)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise BadDocument(f"it is not the document of a job ({type(error).__name__}: {error})") from None
    if document.key != read["key"]:
        raise BadDocument("its key is not that of its inputs")
    return document


def _decoded(read: Mapping[str, Any]) -> JobDocument:
    roles = read.get("roles", [])
    command = Command(
        name=text(read["command"]),
        script=() if roles else texts(read["script"]),
        deps=texts(read["declared"]),
        outputs=texts(read["outputs"]),
        outputs_no_cache=texts(read["outputs_no_cache"]),
        metrics=texts(read["metrics"]),
        env=_pairs(read["declared_env"]),
        shell=_shell(read["shell"]),
        workdir=text(read["workdir"]),
        timeout=seconds_or_none(read["timeout"]),
        limits=Resources(memory=int(read["memory"])),
        written=_pairs(read["written"]),
        roles=tuple(map(_role, roles)),
    )
    fingerprint = Fingerprint(
        script=command.recorded_script,
        args=texts(read["args"]),
        deps=tuple((text(dep["path"]), text_if_any(dep["digest"])) for dep in read["deps"]),
        env=digest_pairs(read["env"]),
        shell=command.shell,
        workdir=command.workdir,
        environment=_environment(read["environment"]),
    )
    git = read["git"]
    return JobDocument(
        run=run_id(read["run"]),
        command=command,
        fingerprint=fingerprint,
        objects={text(dep["path"]): text(dep["object"]) for dep in read["deps"] if dep["object"] is not None},
        algorithm="blake3" if read["algorithm"] == "blake3" else "md5",
        compat=read["compat"] is True,
        project=text(read["project"]),
        executor=text(read["executor"]),
        references=dict(_pairs(read["references"])),
        secrets=texts(read["secrets"]),
        role_secrets={text(role["name"]): texts(role["secrets"]) for role in roles if role["secrets"]},
        variables=tuple((text(name), text_if_any(digest)) for name, digest in read["variables"].items()),
        directories=texts(read["directories"]),
        git=NO_REPOSITORY if git is None else GitCommit(text(git["commit"]), dirty=git["dirty"] is True),
        reasons=sentences_or_none(read["reasons"]) or (),
        sources=dict(_pairs(read.get("sources", {}))),
    )


def _role(read: Mapping[str, Any]) -> Role:
    return Role(
        name=text(read["name"]),
        script=texts(read["script"]),
        replicas=int(read["replicas"]),
        limits=Resources(memory=int(read["memory"])),
        env=_pairs(read["declared_env"]),
        keep_alive=read["keep_alive"] is True,
    )


def _pairs(data: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((text(name), text(value)) for name, value in data.items())


def _environment(data: Mapping[str, Any]) -> Environment:
    return tuple(sorted(_pairs(data)))


def _shell(value: object) -> Shell:
    return text_or_none(value) or False
