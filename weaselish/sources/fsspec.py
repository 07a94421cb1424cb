"""Assets from any URL scheme that fsspec knows."""

from __future__ import annotations

from collections.abc import Iterator

from weaselish.errors import ProjError
from weaselish.files.hashing import BLOCK
from weaselish.sources.masking import mask_url_secrets


def read_url(url: str, *, shown: str) -> Iterator[bytes]:
    """Yield the bytes at a URL. Messages call it `shown`."""
    scheme = url.partition("://")[0]
    try:
        import fsspec
    except ModuleNotFoundError:
        hint = f"pip install fsspec, with what it needs for `{scheme}://`"
        raise ProjError(
            f"`{shown}`: `{scheme}://` needs a library that is not installed (`fsspec`)", hint=hint
        ) from None
    try:
        with fsspec.open(url, "rb") as file:
            while block := file.read(BLOCK):
                yield block
    except ImportError as error:
        library = f" (`{error.name}`)" if error.name else ""
        hint = f"pip install what fsspec needs for `{scheme}://`"
        raise ProjError(f"`{shown}` needs a library that is not installed{library}", hint=hint) from None
    except Exception as error:  # noqa: BLE001 - each of its file systems raises errors of its own
        reason = mask_url_secrets(str(error).replace(url, shown)).strip()
        raise ProjError(f"cannot fetch `{shown}`: {reason or type(error).__name__}") from None
