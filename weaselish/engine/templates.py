"""The templates and the starter that come with proj."""

from __future__ import annotations

import re
from pathlib import Path

import weaselish
from weaselish.load import FILE

_TITLE = re.compile(r"^title: *(.*)", re.MULTILINE)


def bundled(name: str) -> Path:
    """Return a directory that comes with proj. A wheel has it in the package, a checkout beside it."""
    package = Path(weaselish.__file__).parent
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def bundled_templates() -> dict[str, Path]:
    """Return the directories of the templates by name."""
    return {file.parent.name: file.parent for file in sorted(bundled("templates").glob(f"*/{FILE}"))}


def template_titles() -> dict[str, str]:
    """Return the title of each template. Completion asks for them, so that nothing is parsed here."""
    return {name: _title(directory / FILE) for name, directory in bundled_templates().items()}


def _title(file: Path) -> str:
    found = _TITLE.search(file.read_text("utf-8"))
    return found[1] if found else ""
