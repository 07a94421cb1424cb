"""Script lines are split as a shell would, and words that only a shell understands are found."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weaselish.model.script import shell_operator, shell_words, split_words


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("a && b", "&&"),
        ("a || b", "||"),
        ("a | b", "|"),
        ("a ; b", ";"),
        ("a &", "&"),
        ("a > b", ">"),
        ("a >b", ">b"),
        ('a >"b"', '>"b"'),
        ("a >> b", ">>"),
        ("a < b", "<"),
        ("a 2>&1", "2>&1"),
        ("cd x; ls", "x;"),
        ("a '&&' b", None),
        ('a "x; y" b', None),
        ("a x';' b", None),
        (r"find . -exec ls {} \;", None),
        (r"a \&\& b", None),
        ("a b&&c", None),
        ("a 3>x", None),
        ("sql 'select 1;'", None),
        ("a --x=1;2", None),
    ],
)
def test_the_first_operator_of_a_shell_is_found(line: str, word: str | None) -> None:
    assert shell_operator(line) == word


def words_of(split_words: Callable[[str], list[str]], line: str) -> list[str] | str:
    try:
        return split_words(line)
    except ValueError as error:
        return str(error)


@given(st.text(st.sampled_from("ab-#;$\u00a0\u2003\x0b\x1f \t\r\n'\"\\\\")) | st.text())
def test_a_line_is_split_as_shlex_does(line: str) -> None:
    assert words_of(split_words, line) == words_of(shlex.split, line)


SHELL_WORDS = {
    "rm -rf training/*": "`training/*` is not replaced by the files that match it without a shell",
    "rm *": "`*` is not replaced by the files that match it without a shell",
    "rm 'my dir'/*": "`'my dir'/*` is not replaced by the files that match it without a shell",
    "cat data/part?.csv": "`data/part?.csv` is not replaced by the files that match it without a shell",
    "cat part[12].txt": "`part[12].txt` is not replaced by the files that match it without a shell",
    "ls ~": "`~` is not replaced by a home directory without a shell",
    "ls ~/data": "`~/data` is not replaced by a home directory without a shell",
    "echo $HOME": "`$HOME` is not replaced without a shell",
    'echo "$HOME/x"': "`$HOME` is not replaced without a shell",
    "echo {{vars.x}}": "`{{vars.x}}` is not replaced",
    "echo {{ x }}": None,  # three words
    "echo a{{x}}b": "`{{x}}` is not replaced",
    "echo ${vars.x": "`${vars.x` is not closed, and stays as written",
    "echo '${vars.x' y": "`${vars.x'` is not closed, and stays as written",
    "SEED=1 python train.py": "`SEED=…` sets no variable without a shell",
    "cd data": "`cd` is a command of the shell, and there is none here",
    "source venv/bin/activate": "`source` is a command of the shell, and there is none here",
    ". venv/bin/activate": "`.` is a command of the shell, and there is none here",
    "export A=1": "`export` is a command of the shell, and there is none here",
    "echo $(date)": "`$(date)` is not replaced by the output of a command without a shell",
    "echo `date`": "``date`` is not replaced by the output of a command without a shell",
    "mkdir -p data/{a,b}": "`data/{a,b}` is one word without a shell",
    "touch {1..3}": "`{1..3}` is one word without a shell",
    "echo a # remark": "`#` does not begin a comment without a shell",
}
PLAIN = [
    "rm -rf 'training/*' \"*\" \\*",
    "curl https://example.org/x?a=1&b[]=2",
    "pip install weaselish[s3] -e .[dev]",
    "python x.py --glob=*.csv --sizes [1,2] layers=[1,2]",
    "python x.py ${env.token} '$HOME' \\$HOME $ 5$ $1",
    "python x.py 'a # b' a#b",
    'echo {} {x} \'{a,b}\' {"a":1,"b":2}',
    "echo a~b ./~ --x=~/y",
    "env SEED=1 python x.py A=2",
    "echo cd source",
    "",
    " ",
]


def messages(line: str, *existing: str) -> list[str]:
    return [word.message for word in shell_words(line, lambda path: path in existing)]


@pytest.mark.parametrize("line", SHELL_WORDS)
def test_a_word_that_a_shell_would_replace_is_found(line: str) -> None:
    assert messages(line) == [message for message in (SHELL_WORDS[line],) if message]


@pytest.mark.parametrize("line", PLAIN)
def test_a_plain_or_quoted_word_is_left_alone(line: str) -> None:
    assert messages(line) == []


def test_a_word_that_names_a_file_is_left_alone() -> None:
    assert messages("cat a*b ~/x [1].csv", "a*b", "~/x", "[1].csv") == []


@given(st.text(st.sampled_from("ab/*?[]~$NAME={}'\"\\ #`(;>|\0\ud800")) | st.text())
def test_any_line_can_be_searched(line: str) -> None:
    shell_operator(line)
    assert all(word.message and word.hint for word in shell_words(line, lambda path: False))
