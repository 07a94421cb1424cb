"""Formats of other tools: Weasel, DVC."""
