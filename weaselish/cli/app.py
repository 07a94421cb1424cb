"""The typer application: help, completion, and command lines that `quick` leaves to it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from weaselish.cli.subcommand import GROUPS, HELP_FLAGS, MODULES, Option, Subcommand, Takes, load_subcommand
from weaselish.cli.version import show_version

_SETTINGS = {"help_option_names": list(HELP_FLAGS)}


def make_app() -> typer.Typer:
    """Build the application from the declarations of all subcommands."""
    app = typer.Typer(
        name="proj",
        help="Run the commands and workflows of project.yml, and only what is out of date.",
        epilog="`proj` alone lists the project's commands. Overrides: `--vars.NAME VALUE`, anywhere.",
        add_completion=True,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings=_SETTINGS,
    )
    app.callback()(_proj)
    groups = {name: typer.Typer(help=text, rich_markup_mode=None) for name, text in GROUPS.items()}
    for name in MODULES:
        subcommand = load_subcommand(name)
        group, _, last = name.rpartition(" ")
        _register(groups[group] if group else app, last, subcommand)
        if group and not any(registered.name == group for registered in app.registered_groups):
            app.add_typer(groups[group], name=group)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        raise typer.Exit(show_version())


def _proj(
    _: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def _register(app: typer.Typer, name: str, subcommand: Subcommand) -> None:
    own_help = any(flag in HELP_FLAGS for option in subcommand.options for flag in option.flags)
    settings = {"help_option_names": [] if own_help else list(HELP_FLAGS)}
    epilog = "\b\nExamples:\n" + "\n".join(f"  {example}" for example in subcommand.examples)
    app.command(name, help=subcommand.help, epilog=epilog, context_settings=settings)(_function(subcommand))


def _function(subcommand: Subcommand) -> Callable[..., None]:
    """Return a function with the signature from which typer reads the options."""

    def call(context: typer.Context, words: list[str] | None, **given: Any) -> None:
        if given.get("show_help") and not words:
            print(context.get_help())
            raise typer.Exit
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
        absent = {option.parameter: option.if_absent for option in subcommand.all_options}
        values = {name: absent[name] if value is None else value for name, value in values.items()}
        raise typer.Exit(subcommand.call(tuple(words or ()), context.obj, values))

    parameters = [_parameter("context", typer.Context)]
    if subcommand.usage:
        argument = typer.Argument(metavar=subcommand.usage, show_default=False, help=subcommand.words_help)
        parameters.append(_parameter("words", Annotated[list[str] | None, argument], None))
    parameters += [_option_parameter(option) for option in subcommand.all_options]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {}
    return call


def _parameter(name: str, annotation: object, default: object = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _option_parameter(option: Option) -> inspect.Parameter:
    flags = ("/".join((*option.flags, option.off)),) if option.off else option.flags
    if option.takes is Takes.NUMBER:
        number = typer.Option(*flags, help=option.help, metavar=option.metavar, min=1)
        return _parameter(option.parameter, Annotated[int, number], option.default)
    kinds: dict[Takes, Any] = {Takes.NOTHING: bool, Takes.TEXT: str | None, Takes.TEXTS: list[str] | None}
    declared = typer.Option(*flags, help=option.help, metavar=option.metavar, show_default=option.default is not None)
    default = option.if_absent if option.takes is Takes.NOTHING else option.default
    return _parameter(option.parameter, Annotated[kinds[option.takes], declared], default)
