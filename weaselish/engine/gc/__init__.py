"""Garbage collection: which runs a remote keeps, and how it loses the others without losing what is needed."""
