"""proj: a task runner and workflow engine for machine-learning projects, driven by project.yml."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weaselish.api import Project, project_assets, project_run

__version__ = "0.1.0"
__all__ = ["Project", "__version__", "project_assets", "project_run"]


def __getattr__(name: str) -> Any:
    """The Python interface is imported when it is asked for: the command line does without it."""
    if name in __all__:
        from weaselish import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
