"""The typer application: it parses command lines that `quick` leaves to it, and finds their mistakes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from weaselish.cli.quick import split_name
from weaselish.cli.subcommand import MODULES, Option, Subcommand, Takes, load_subcommand


class _App(typer.Typer):
    """An application whose options may have a value of their own where none is given: `--watch`."""

    def __call__(self, argv: Sequence[str], **settings: Any) -> Any:
        return super().__call__(_with_values(argv), **settings)


def _with_values(argv: Sequence[str]) -> list[str]:
    """Return the subcommand's name as one word, and the rest, with the value of options alone: `--watch=finish`."""
    name, rest = split_name(argv)
    options = load_subcommand(name).options if name in MODULES else ()
    alone = {flag: f"{flag}={option.alone}" for option in options if option.alone is not None for flag in option.flags}
    return [*([name] if argv else []), *(alone.get(word, word) for word in rest)]


def make_app() -> typer.Typer:
    """Build the application from the declarations of all subcommands. Each name is one word: `lock accept`."""
    app = _App(
        name="proj",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(lambda: None)
    for name in MODULES:
        _register(app, name, load_subcommand(name))
    return app


def _register(app: typer.Typer, name: str, subcommand: Subcommand) -> None:
    app.command(name, context_settings={"help_option_names": []})(_function(subcommand))


def _function(subcommand: Subcommand) -> Callable[..., None]:
    """Return a function with the signature from which typer reads the options."""

    def call(context: typer.Context, words: list[str] | None, **given: Any) -> None:
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        absent = {option.parameter: option.if_absent for option in subcommand.all_options}
        values = {name: absent[name] if value is None else value for name, value in values.items()}
        raise typer.Exit(subcommand.call(tuple(words or ()), context.obj, values))

    parameters = [_parameter("context", typer.Context)]
    parameters.append(_parameter("words", Annotated[list[str] | None, typer.Argument()], None))
    parameters += [_option_parameter(option) for option in subcommand.all_options]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {}
    return call


def _parameter(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _option_parameter(option: Option) -> inspect.Parameter:
    flags = ("/".join((*option.flags, option.off)),) if option.off else option.flags
    if option.takes is Takes.NUMBER:
        number = typer.Option(*flags, min=1)
        return _parameter(option.parameter, Annotated[int, number], option.default)
    kinds: dict[Takes, Any] = {Takes.NOTHING: bool, Takes.TEXT: str | None, Takes.TEXTS: list[str] | None}
    declared = typer.Option(*flags)
    default = option.if_absent if option.takes is Takes.NOTHING else option.default
    return _parameter(option.parameter, Annotated[kinds[option.takes], declared], default)
