"""`proj import skelebot`, `lab` and `kuberlab`: print what other tools' files become here."""

from __future__ import annotations

from pathlib import Path

from weaselish.cli.console import hint, say, warn
from weaselish.cli.subcommand import Argument, Call, Subcommand, Values

_LARGEST = 1 << 20  # bytes


def import_skelebot(call: Call) -> int:
    """Print the keys of project.yml for the artifacts of a skelebot.yaml."""
    from weaselish.compat.skelebot import FILE, VERSION, read_skelebot
    from weaselish.files.text_file import read_limited

    file = Path(call.words[0] if call.words else FILE)
    data = read_limited(file, name=str(file), limit=_LARGEST)
    version = file.with_name(VERSION)
    number = read_limited(version, name=str(version), limit=_LARGEST) if version.exists() else None
    imported = read_skelebot(data, file=str(file), version=number)
    print(imported.text, end="", flush=True)
    for note in imported.notes:
        warn(note)
    hint("put this into project.yml, then `proj validate` checks it")
    return 0


def import_lab(call: Call) -> int:
    """Print the command that adds the remote which a project of Lab was pushed to."""
    from weaselish.compat.lab import CONNECTIONS, FILE, read_lab
    from weaselish.files.text_file import read_limited

    file = Path(call.words[0] if call.words else FILE)
    data = read_limited(file, name=str(file), limit=_LARGEST)
    connections = Path(CONNECTIONS).expanduser()
    stored = read_limited(connections, name=CONNECTIONS, limit=_LARGEST) if connections.exists() else None
    project = read_lab(data, stored, file=str(file))
    print(project.command, flush=True)
    if project.has_secret:
        say(f"it asks for the secret key: `minio_secretkey` of `{project.tag}` in {CONNECTIONS}")
    name = project.name or "NAME"
    hint(f"then `proj snapshot pull --from {project.tag} --project {name} --tree` gets what Lab stored")
    return 0


def import_kuberlab(call: Call) -> int:
    """Print the tasks and sources of a Kuberlab project as keys of project.yml."""
    from weaselish.compat.kuberlab import FILE, read_kuberlab
    from weaselish.files.text_file import read_limited

    file = Path(call.words[0] if call.words else FILE)
    imported = read_kuberlab(read_limited(file, name=str(file), limit=_LARGEST), file=str(file))
    print(imported.text, end="", flush=True)
    for note in imported.notes:
        warn(note)
    hint("put this into project.yml, then `proj validate` checks it")
    return 0


SUBCOMMANDS = (
    Subcommand(
        "import skelebot",
        import_skelebot,
        "Print a skelebot.yaml's artifacts as keys of project.yml.\n\nNothing is written.",
        arguments=(Argument("FILE", "The file, by default skelebot.yaml.", Values.FILES),),
        examples=("proj import skelebot", "proj import skelebot >> project.yml"),
    ),
    Subcommand(
        "import lab",
        import_lab,
        "Print the command that adds the remote of a Lab project.\n\n"
        "It reads the project's config/runtime.yaml and ~/.lab/config.yaml, and shows no secret key.",
        arguments=(Argument("FILE", "The file, by default config/runtime.yaml.", Values.FILES),),
        examples=("proj import lab",),
    ),
    Subcommand(
        "import kuberlab",
        import_kuberlab,
        "Print the project.yml of a project of Kuberlab.\n\nNothing is written.",
        arguments=(Argument("FILE", "The file, by default config.yaml.", Values.FILES),),
        examples=("proj import kuberlab", "proj import kuberlab config.yaml > project.yml"),
    ),
)
