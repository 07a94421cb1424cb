"""The text of project.lock is what PyYAML would write."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weaselish.files import yaml12
from weaselish.files.yaml_text import to_yaml

WORDS = """
y Yes NULL ~ . .. ./a ../b .5 .inf 1e5 123e45 0b101 0o17 0x1f = << a:b a: a#b #a -a - [a] {a} a] "a" 'a' a'b !x &x *x
| >
_ /
2024-01-01 12:30:45 http://x:1/y#z d41d8cd98f00b204e9800998ecf8427e 00000000000000000000000000000000 %a @a `a
"""
ODD = ["", " a", "a ", "a: b", "a #b", "- a", "? a", "a, b", "a\nb", "a\n\nb\n", "\ta", "a\tb", "é", "\x85", "a" * 130]
LINES = ["python train.py --lr 0.1", "sh -c 'x | y'", "for x in *; do\n  echo $x # y: z\ndone\n"]
TEXTS = st.one_of(
    st.sampled_from([*WORDS.split(), *ODD, *LINES]),
    st.text(max_size=8),
    st.text("0123456789abcdef", min_size=1, max_size=32),
    st.text("ab:# -.'\"/~!y1", max_size=8),
)
SCALARS = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False))
DATA = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=12,
)


@settings(max_examples=400)
@given(st.dictionaries(TEXTS, DATA, max_size=4))
def test_the_text_is_what_pyyaml_writes(data: dict[str, Any]) -> None:
    assert to_yaml(data) == yaml12.write(data)


@pytest.mark.parametrize("data", [{}, {"a": {}}, {"a": []}, {"a": [{"b": [1]}, {}]}, {1: "a"}])
def test_empty_and_odd_values_are_written_as_pyyaml_writes_them(data: dict[str, Any]) -> None:
    assert to_yaml(data) == yaml12.write(data)


def test_an_ordinary_entry_is_written_without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml12, "write", None)
    digest = "0123456789abcdef0123456789abcdef"
    deps = [{"path": "data/in.csv", "md5": digest}, {"path": "none", "md5": None}]
    data = {"train": {"cmd": "proj run train", "script": ["python train.py --lr 1e-3"], "deps": deps, "outs": []}}
    assert to_yaml(data).splitlines() == [
        "train:",
        "  cmd: proj run train",
        "  script:",
        "  - python train.py --lr 1e-3",
        "  deps:",
        "  - path: data/in.csv",
        f"    md5: {digest}",
        "  - path: none",
        "    md5: null",
        "  outs: []",
    ]
