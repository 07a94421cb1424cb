"""Answers in JSON, with any text: names of files need not be UTF-8."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse


class JSONAnswer(JSONResponse):
    """JSON in ASCII, in which a byte that is not valid UTF-8 appears as `\\udcXX`."""

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode("ascii")
