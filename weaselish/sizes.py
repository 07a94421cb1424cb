"""Shows how many bytes something has."""

from __future__ import annotations


def shown_size(size: float) -> str:
    """Return a number of bytes as `512 B`, `4.0 KiB`, `1.2 GiB`."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"
