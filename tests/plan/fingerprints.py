"""Fingerprints for tests: one example, every single change to it, and a strategy for arbitrary ones."""

from __future__ import annotations

from hypothesis import strategies as st

from weaselish.plan.digests import digest_bytes
from weaselish.plan.fingerprint import Fingerprint

BASE = Fingerprint(
    script=("python train.py", "echo done"),
    args=("--n", "5"),
    deps=(("data", "d1.dir"), ("config", "c1")),
    env=(("A", "e1"), ("env.HOME", "e2"), ("env.X", None)),
    shell=False,
    workdir=".",
)

CHANGES: dict[str, Fingerprint] = {
    "a line changed": BASE._replace(script=("python train.py ", "echo done")),
    "a line added": BASE._replace(script=("python train.py", "echo done", "")),
    "lines joined": BASE._replace(script=("python train.pyecho done",)),
    "lines swapped": BASE._replace(script=("echo done", "python train.py")),
    "text moved between lines": BASE._replace(script=("python train.pye", "cho done")),
    "an argument moved into the script": BASE._replace(script=(*BASE.script, "--n"), args=("5",)),
    "arguments joined": BASE._replace(args=("--n5",)),
    "no arguments": BASE._replace(args=()),
    "a dep changed": BASE._replace(deps=(("data", "d2.dir"), ("config", "c1"))),
    "a dep missing": BASE._replace(deps=(("data", None), ("config", "c1"))),
    "a dep renamed": BASE._replace(deps=(("dat", "d1.dir"), ("config", "c1"))),
    "a dep removed": BASE._replace(deps=(("data", "d1.dir"),)),
    "digests of deps swapped": BASE._replace(deps=(("data", "c1"), ("config", "d1.dir"))),
    "a variable set": BASE._replace(env=(("A", "e1"), ("env.HOME", "e2"), ("env.X", digest_bytes(b"", "md5")))),
    "a variable unset": BASE._replace(env=(("A", None), ("env.HOME", "e2"), ("env.X", None))),
    "a variable undeclared": BASE._replace(env=(("A", "e1"), ("env.HOME", "e2"))),
    "a dep turned into a variable": BASE._replace(deps=(("data", "d1.dir"),), env=(*BASE.env, ("config", "c1"))),
    "a shell": BASE._replace(shell="sh"),
    "a shell named false": BASE._replace(shell="false"),
    "an image": BASE._replace(environment=(("image", "sha256:1"),)),
    "another directory": BASE._replace(workdir="sub"),
}

texts = st.one_of(st.text(max_size=4), st.sampled_from(['"', "\\", '","', "],[", "null", "a", "\udcff", "\u2028"]))
texts = texts.filter(lambda text: not any("\ud800" <= char < "\udc80" or "\udcff" < char <= "\udfff" for char in text))
pairs = st.dictionaries(texts, st.one_of(st.none(), texts), max_size=3).map(lambda found: tuple(found.items()))
fingerprints = st.builds(
    Fingerprint,
    script=st.lists(texts, max_size=3).map(tuple),
    args=st.lists(texts, max_size=3).map(tuple),
    deps=pairs,
    env=pairs,
    shell=st.one_of(st.just(False), texts),
    workdir=texts,
    environment=st.dictionaries(texts, texts, max_size=2).map(lambda found: tuple(found.items())),
)
