"""Snapshots of entire projects on a remote: push, pull, list, compare, verify, prune."""
