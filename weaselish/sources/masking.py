"""Hides credentials in texts that name URLs, such as messages of git and fsspec."""

from __future__ import annotations

import re


def mask_url_secrets(text: str) -> str:
    """Remove user, password and query from each URL in `text`. The user of an ssh URL stays."""
    text = re.sub(r"(?<!ssh)://[^/\s]*@", "://", text)
    text = re.sub(r"(?<=ssh://)([^/\s:@]*):[^/\s]*(?=@)", r"\1", text)
    return re.sub(r"(://[^\s?'`]*)\?[^\s'`]*", r"\1", text)
