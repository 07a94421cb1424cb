"""What scripts read from standard input."""

from __future__ import annotations

import enum


class Stdin(enum.Enum):
    """What the lines of a local job read from standard input."""

    NULL = "null"  # nothing
    INHERIT = "inherit"  # our own standard input
    TERMINAL = "terminal"  # a pseudo-terminal connected to ours; as INHERIT where ours is not a terminal
