"""URLs as they may be shown."""

from __future__ import annotations

import re


def without_secrets(url: str) -> str:
    """A URL without user, password and query: what should not stand there must not be shown either. Paths stay."""
    return re.sub(r"(?<=://)[^/]*@|\?.*", "", url) if "://" in url else url
