"""The numbers in addresses and forms, within what a database can compare."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form, Path

LARGEST = 1 << 60
_LARGEST_ACTION = (1 << 31) - 1  # an INTEGER of PostgreSQL

RunId = Annotated[int, Path(ge=0, le=LARGEST, description="a run id")]
RunField = Annotated[int, Form(ge=0, le=LARGEST)]
ActionId = Annotated[int, Path(ge=0, le=_LARGEST_ACTION, description="the number of an action")]
