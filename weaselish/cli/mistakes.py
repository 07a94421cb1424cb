"""Turns typer's complaints about a command line into errors in the style of proj."""

from __future__ import annotations

from weaselish.cli.subcommand import MODULES, Takes, load_subcommand
from weaselish.errors import UsageError, near_match

_VARS = "`--vars.NAME VALUE` changes a variable for one run"
_ONLY = "`--only` runs the named steps alone; `--from STEP` and `--until STEP` leave out steps"
OF_OTHER_TOOLS = {  # options with which DVC, Snakemake, make and others run, and that `proj run` does not have
    "-B": "`--force-all` runs the named steps and everything upstream",
    "-S": _VARS,
    "-e": _VARS,
    "-f": "`--force` runs the named steps even if they are up to date",
    "-p": _VARS,
    "-s": _ONLY,
    "--config": _VARS,
    "--cores": "`--jobs N` runs N steps at a time",
    "--exclude": _ONLY,
    "--params": _VARS,
    "--param": _VARS,
    "--set-param": _VARS,
    "--single-item": _ONLY,
    "--skip": _ONLY,
    "--var": _VARS,
}


def usage_error(error: Exception, name: str) -> UsageError:
    """Return the error for the subcommand `name`, empty if there is none."""
    subject = f"proj {name}".rstrip() if not name.startswith("-") else "proj"
    flags = _flags(name)
    text = getattr(error, "format_message", error.__str__)().rstrip(".").replace("'", "`")
    wrong = getattr(error, "option_name", None)
    param = getattr(error, "param", None)
    hint = f"`{subject} --help` shows its options"
    if isinstance(wrong, str) and wrong.startswith("-"):
        if wrong in flags:
            return UsageError(f"`{wrong}` {'needs a value' if flags[wrong] else 'takes no value'}", hint=hint)
        if name == "run" and wrong in OF_OTHER_TOOLS:
            return UsageError(f"`{subject}` has no option `{wrong}`", hint=OF_OTHER_TOOLS[wrong])
        close = near_match(wrong.lstrip("-"), [flag.lstrip("-") for flag in flags if flag.startswith("--")])
        return UsageError(f"`{subject}` has no option `{wrong}`", hint=f"did you mean `--{close}`?" if close else hint)
    if param is not None:
        return UsageError(f"{' / '.join(f'`{flag}`' for flag in param.opts)} needs a number from 1 on", hint=hint)
    return UsageError(text[:1].lower() + text[1:], hint=hint)


def _flags(name: str) -> dict[str, bool]:
    """Return the flags of a subcommand, each with whether a value follows it."""
    options = load_subcommand(name).all_options if name in MODULES else ()
    return {
        flag: option.takes is not Takes.NOTHING for option in options for flag in (*option.flags, option.off) if flag
    }
