"""Locks between processes, and the file descriptors they cost."""
