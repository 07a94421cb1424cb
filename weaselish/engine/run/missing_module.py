"""Says how to get a Python module that a script did not find."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.engine.setup import ENVIRONMENT, requirements_of, setup_lines


def missing_module(module: str, python: str | None, root: Path) -> str:
    """Return which Python has no such module, and what installs it, by what the project has: .venv, requirements."""
    if python is None:
        return f"the module `{module}` is not installed"
    own = root / ENVIRONMENT / "bin" / "python"
    problem = f"`{_shown(python, root)}` has no module `{module}`"
    create, *install = setup_lines(requirements_of(root))
    if os.path.exists(own) and os.path.abspath(python) != str(own):
        return f"{problem}: `deactivate` that environment, so that the project's {ENVIRONMENT} is used"
    if not os.path.exists(own) and install:
        return f"{problem}: `{' && '.join([create, *install])}` installs what the project requires"
    pip = f"{_shown(python, root)} -m pip install"
    if install:
        return f"{problem}: `{install[0]}` installs what the project requires, `{pip} NAME` a package"
    return f"{problem}: `{pip} {module.partition('.')[0]}` may install it, if the package has that name"


def _shown(python: str, root: Path) -> str:
    """Return the interpreter, relative to the project if it is inside."""
    return os.path.relpath(python, root) if python.startswith(f"{root}{os.sep}") else python
