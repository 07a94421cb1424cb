from __future__ import annotations

from engines.fixtures import slurm

__all__ = ["slurm"]
