"""Artifacts: files and directories that a project publishes in versions, or imports from another project."""
