"""proj: a task runner and workflow engine for machine-learning projects, driven by project.yml.

>>> from weaselish import Project
>>> project = Project.load("demo")
>>> project.run("train", jobs=4).exit_code
0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weaselish.api.project import Project
    from weaselish.api.user_remotes import UserRemotes
    from weaselish.api.weasel import project_assets, project_run

__version__ = "0.1.0"
__all__ = ["Project", "UserRemotes", "__version__", "project_assets", "project_run"]


def __getattr__(name: str) -> Any:
    """Import the Python interface when it is first used, because the command line starts without it."""
    if name == "Project":
        from weaselish.api.project import Project

        return Project
    if name == "UserRemotes":
        from weaselish.api.user_remotes import UserRemotes

        return UserRemotes
    if name in ("project_assets", "project_run"):
        from weaselish.api import weasel

        return getattr(weasel, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
