"""Sharing: push, pull, and the tree on a remote."""
