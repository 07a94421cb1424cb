"""proj: a task runner and workflow engine for machine-learning projects, driven by project.yml."""

__version__ = "0.1.0"
