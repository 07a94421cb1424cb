"""`proj serve manifest`."""

from __future__ import annotations

from pathlib import Path

from weaselish.cli.console import say, show
from weaselish.cli.serve import CONFIG, settings_of
from weaselish.cli.subcommand import Argument, Call, Option, Subcommand, Takes, Values

_FORMATS = ("compose", "kubernetes", "systemd")


def print_manifest(call: Call, *, kind: str, image: str | None, config: str | None) -> int:
    """Print a deployment; install nothing."""
    from weaselish.cli.arguments import member
    from weaselish.load import find_root
    from weaselish.serve.manifest import Deployment, Format, manifest

    wanted = member(Format, "format", kind)
    settings = settings_of(call, config)
    roots = tuple(find_root(word) for word in call.words) or (find_root(),)
    file = None if config is None else Path(config).absolute()
    deployment = Deployment(roots, port=settings.port, base_path=settings.base_path, config=file)
    if image is not None:
        deployment = deployment._replace(image=image)
    show(manifest(wanted, deployment).rstrip())
    say("nothing was installed")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "serve manifest",
        print_manifest,
        "Print a deployment: for compose, Kubernetes or systemd.\n\nNothing is installed. The text says how to start, "
        "update and remove it; removing it never deletes data.",
        (
            Option(
                "kind",
                ("--format",),
                "`compose`, `kubernetes` or `systemd`.",
                Takes.TEXT,
                "FORMAT",
                "compose",
                values=_FORMATS,
            ),
            Option(
                "image",
                ("--image",),
                "The image of the containers; by default one that you build.",
                Takes.TEXT,
                "IMAGE",
            ),
            CONFIG,
        ),
        arguments=(Argument("DIR", "A project; by default the current one.", Values.DIRECTORIES, is_repeated=True),),
        examples=("proj serve manifest --format systemd", "proj serve manifest ~/penguins > compose.yaml"),
    ),
)
