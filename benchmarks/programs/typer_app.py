"""A two-command typer app without rich markup: the least that an app of typer takes to start."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)


def _version(asked: bool) -> None:
    if asked:
        typer.echo("app 1.0")
        raise typer.Exit


@app.callback()
def main(version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False) -> None:
    """An app."""


@app.command()
def run(name: str, jobs: int = 1) -> None:
    """Run something."""
    typer.echo(f"{name} {jobs}")


@app.command()
def status(name: str) -> None:
    """Ask something."""
    typer.echo(name)


if __name__ == "__main__":
    app()
