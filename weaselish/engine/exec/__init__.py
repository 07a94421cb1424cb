"""Runs jobs where the project is not: files travel through a remote, `proj exec` runs the script on the other side."""
