"""URLs of remotes: which are valid, and how a URL may be shown."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from urllib.parse import unquote, urlsplit

BUCKETS = ("s3", "gs", "az")
ARTIFACTORY = ("artifactory+https", "artifactory+http")
_FOLDERS = ("./", "../", "/", "~/")  # how the path of a directory begins, unless it is a plain name
PATH_STARTS = ("./", "../", "/", "~")  # of a name that is a path, not a remote
_WEB = ("http", "https")
_ARTIFACTORY_NAMES = ("artifactory", "jfrog", "rt")
_RENAMED = {
    **dict.fromkeys(("gcs", "google", "googlestorage"), "gs"),
    **dict.fromkeys(("azure", "abfs", "abfss", "wasb", "wasbs", "adl", "blob"), "az"),
    **dict.fromkeys(("s3a", "s3n", "aws", "minio", "r2"), "s3"),
}
_VALID_FORMS = (
    "use a directory, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix` or "
    "`artifactory+https://host/artifactory/repository/path`"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/*)(.*)", re.DOTALL)
_HOST = re.compile(r"(?:[^/\s]*@)?([^/\s:@]+):(.*)", re.DOTALL)  # `host:path`, as scp and git write it
_VARIABLE = re.compile(r"\$(\w+)|^%(\w+)%")

_Problem = tuple[str, str | None]  # message, hint


def without_secrets(url: str) -> str:
    """Return the URL without user, password and query, which may hold secrets. A path or a name stays unchanged."""
    return re.sub(r"(?<=://)[^/]*@|\?.*", "", url) if "://" in url else url


def scheme_of(url: str) -> str:
    """Return the scheme of a remote's URL in lower case: `file` for a path."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else "file"


def directory_of(url: str) -> str | None:
    """Return the path of a remote that is a directory, as its URL has it; None for any other remote."""
    if "://" not in url:
        return url
    return unquote(urlsplit(url).path) if scheme_of(url) == "file" else None


def remote_url_problem(url: str) -> _Problem | None:
    """Return what is wrong with a remote's URL, and a hint at the nearest valid form. None if it is valid.

    A text that contains `${env.…}` is valid until the variable is replaced.
    """
    if "${env." in url:
        return None
    if problem := _text_problem(url):
        return problem
    if url.startswith(_FOLDERS):
        return _variable_problem(url)
    if re.match(r"[A-Za-z]:", url) or ("\\" in url and "://" not in url):
        return _windows_problem(url)
    if match := _SCHEME.fullmatch(url):
        return _scheme_problem(url, match[1].lower(), match[2], match[3])
    return _missing_colon_problem(url) or _variable_problem(url) or _path_problem(url)


def _invalid(url: str, hint: str) -> _Problem:
    return f"`{_shown(url)}` is not a valid URL of a remote", hint


def _shown(url: str) -> str:
    return re.sub(r"[^/\s:]*:[^/\s]*@", "", without_secrets(url))


def _text_problem(url: str) -> _Problem | None:
    if not url.strip():
        return "the URL of a remote must not be empty", _VALID_FORMS
    if "\0" in url:
        return "the URL of a remote contains a NUL character", "remove it"
    if url != url.strip():
        return _invalid(url, f"remove the blanks around it: `{_shown(url.strip())}`")
    return None


def _windows_problem(url: str) -> _Problem:
    path = url.replace("\\", "/")
    if path[1:2] == ":":
        return _invalid(url, f"in WSL this directory is `/mnt/{path[0].lower()}/{path[2:].lstrip('/')}`")
    if path.startswith("//"):
        return _invalid(url, "mount the share and write the path of the directory, such as `/mnt/share`")
    return _invalid(url, f"did you mean `{path if path.startswith(_FOLDERS) else f'./{path}'}`?")


def _scheme_problem(url: str, scheme: str, slashes: str, rest: str) -> _Problem | None:
    name = _RENAMED.get(scheme, scheme)
    if name in BUCKETS:
        is_valid = scheme == name and slashes == "//" and rest
        return None if is_valid else _bucket_problem(url, name, rest)
    if scheme in ARTIFACTORY or scheme in _ARTIFACTORY_NAMES:
        return _artifactory_problem(url, scheme, slashes, rest)
    if scheme == "file":
        return _file_problem(url, slashes, rest)
    if scheme == "dbfs":
        return _invalid(url, f"did you mean `/dbfs/{rest}`?")
    if not slashes.startswith("//"):
        return _host_problem(url)
    if scheme in _WEB or _has_custom_client(scheme):
        return None
    return f"`{scheme}://` is not supported as a remote", _VALID_FORMS


def _bucket_problem(url: str, scheme: str, rest: str) -> _Problem:
    bucket, slash, key = rest.partition("/")
    if scheme == "az":  # `abfss://container@account.dfs.core.windows.net/key`
        bucket = bucket.partition("@")[0]
    suggestion = _shown(f"{scheme}://{bucket}{slash}{key}") if bucket else f"{scheme}://bucket/prefix"
    return _invalid(url, f"did you mean `{suggestion}`?")


def artifactory_parts(url: str) -> tuple[str, str, str]:
    """Return the address of the server, the repository and the path in it, of a valid URL of an Artifactory remote."""
    parts = urlsplit(url.partition("+")[2])
    before, _, rest = f"{parts.path}/".partition("/artifactory/")
    repository, _, path = unquote(rest).strip("/").partition("/")
    return f"{parts.scheme}://{parts.netloc}{before}/artifactory", repository, path.strip("/")


def is_unencrypted(url: str) -> bool:
    """Return whether a remote is accessed over HTTP without encryption, other than on this machine."""
    scheme, _, rest = url.partition("://")
    if scheme.lower() != "artifactory+http":
        return False
    host = urlsplit(f"//{rest}").hostname or ""
    return host != "localhost" and not host.startswith("127.") and host != "::1"


def _artifactory_problem(url: str, scheme: str, slashes: str, rest: str) -> _Problem | None:
    host, _, path = rest.partition("/")
    if scheme in ARTIFACTORY and slashes == "//" and host:
        with suppress(ValueError):  # an invalid address in brackets
            _, repository, inner = artifactory_parts(f"artifactory+https://{rest}")
            segments = f"{repository}/{inner}".rstrip("/").split("/")
            if repository and not {"", ".", ".."}.intersection(segments) and not re.search("[?#]", rest):
                return None
    path = re.split("[?#]", path)[0]
    server = f"{scheme if scheme in ARTIFACTORY else 'artifactory+https'}://{_shown(f'//{host}')[2:] or 'host'}"
    path = _shown(path).strip("/").removeprefix("artifactory").strip("/")
    return _invalid(url, f"did you mean `{server}/artifactory/{path or 'repository/path'}`?")


def _file_problem(url: str, slashes: str, rest: str) -> _Problem | None:
    host = rest.partition("/")[0]
    if len(slashes) >= 3 or (slashes == "//" and host.lower() == "localhost"):
        return None
    if slashes == "//" and not rest.startswith(("~", ".")):
        return (
            f"`{_shown(host)}` cannot be the host of a `file://` URL",
            f"write an absolute path after three slashes: `file:///{_shown(rest)}`",
        )
    return _invalid(url, f"did you mean `{rest if rest.startswith(_FOLDERS) else f'file:///{rest}'}`?")


def _host_problem(url: str) -> _Problem:
    match = _HOST.fullmatch(url)
    host, path = (match[1], match[2]) if match else ("", url)
    port, _, bucket = path.partition("/")
    if port.isdecimal():
        return _invalid(url, f"for an S3 server, write `url: s3://{bucket}` and `endpoint_url: http://{host}:{port}`")
    mounted = f"/mnt/{path.lstrip('/~')}"
    return _invalid(url, f"`proj` does not use SSH: mount the directory and write its path, such as `{mounted}`")


def _missing_colon_problem(url: str) -> _Problem | None:
    scheme, slashes, rest = url.partition("//")  # `s3//bucket`
    name = _RENAMED.get(scheme.lower(), scheme.lower())
    return _bucket_problem(url, name, rest) if slashes and name in BUCKETS else None


def _variable_problem(url: str) -> _Problem | None:
    match = _VARIABLE.search(url)
    if match is None:
        return None
    name = match[1] or match[2]
    if name in ("HOME", "USERPROFILE") and match.start() == 0:
        return _invalid(url, f"did you mean `~{url[match.end() :] or '/'}`?")
    suggestion = url.replace(match[0], f"${{env.{name}}}")
    return _invalid(url, f"did you mean `{suggestion}`, with `{name}: {name}` under `env:`?")


def _path_problem(url: str) -> _Problem | None:
    if url == "~" or all(character.isalnum() or character in "_.-/" for character in url):
        return None
    if _HOST.fullmatch(url):
        return _host_problem(url)
    if url.startswith("~"):
        return _invalid(url, f"write the absolute path of that home directory, such as `/home/{url[1:]}`")
    return _invalid(url, f"did you mean the directory `./{url}`?")


def _has_custom_client(scheme: str) -> bool:
    """Check whether this program registered a client for `scheme` with cloudpathlib, which it then has imported."""
    cloudpathlib = sys.modules.get("cloudpathlib.cloudpath")
    clients = getattr(cloudpathlib, "implementation_registry", {}).values()
    return any(vars(client)["_path_class"].cloud_prefix == f"{scheme}://" for client in clients)
