"""Writes docs/exit-codes.md: the exit codes of `proj`, with the errors and subcommands that have them."""

from __future__ import annotations

from pages.errors import by_exit_code
from pages.markdown import generated, table

_ROWS = (
    ("0", "Done, or nothing to do."),
    ("1", "A step, a transfer or a check failed."),
    ("2", "The command line or project.yml is wrong. Nothing was done."),
    ("39", "`proj` could not clone the git repository of a source. Kuberlab uses the same code."),
    ("124", "A script ran longer than its `timeout`."),
    ("126, 127", "A program of a script cannot be executed, or was not found."),
    ("128 + N", "Signal N ended a script, or `proj` itself: 130 after Ctrl-C, 143 after SIGTERM, 137 after SIGKILL."),
)
_SCRIPTS = """\
`proj run` exits with the code of the first step that failed, in the order of the plan. If its script ended by itself,
that is the script's own code: a script that exits with 3 makes `proj run` exit with 3. A script that ends with 0 but
does not write one of its outputs counts as failed: `proj run` exits with 1."""
_QUESTIONS = (
    ("`proj status --check`", "1 if a step must run or is unrecorded. Steps that always run do not count."),
    ("`proj validate`", "2 if project.yml has an error. Warnings do not count."),
    ("`proj remote test`", "1 if an operation fails on one of the remotes."),
    ("`proj artifact verify`", "1 if the stored bytes are damaged, or if a rerun fails or gives a different result."),
    ("`proj clean`, `proj gc`, `proj snapshot prune`", "1 if a question was declined, or could not be asked."),
    ("`proj snapshot verify`", "1 if something that the snapshot needs is missing or damaged."),
)


def exit_codes() -> str:
    """Return the page about exit codes."""
    parts = [
        generated("`tests/pages/exit_codes.py`"),
        "# Exit codes",
        table(("code", "when"), _ROWS),
        "## Scripts",
        _SCRIPTS,
        "## Subcommands that answer a question",
        table(("subcommand", "exit code"), _QUESTIONS),
        "## Errors",
        "Each error in the [catalogue](errors.md) has its exit code.",
    ]
    for code in (1, 2, 39):
        parts.append(f"**{code}**: {', '.join(by_exit_code(code))}.")
    return "\n\n".join(parts) + "\n"
