"""Says how to get a Python module that a script did not find."""

from __future__ import annotations

import os
from pathlib import Path

from weaselish.engine.setup import ENVIRONMENT, requirements_of, setup_lines

_DISTRIBUTIONS = {  # module -> the package that installs it, where the names differ
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "GitPython",
    "github": "PyGithub",
    "hydra": "hydra-core",
    "igraph": "python-igraph",
    "jwt": "PyJWT",
    "lightning_fabric": "lightning",
    "magic": "python-magic",
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "osgeo": "GDAL",
    "PIL": "pillow",
    "pkg_resources": "setuptools",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "pytorch_lightning": "pytorch-lightning",
    "ruamel": "ruamel.yaml",
    "sentence_transformers": "sentence-transformers",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "snappy": "python-snappy",
    "umap": "umap-learn",
    "usb": "pyusb",
    "win32api": "pywin32",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}


def missing_module(module: str, python: str | None, root: Path) -> str:
    """Return which Python has no such module, and what installs it, by what the project has: .venv, requirements."""
    if python is None:
        return f"the module `{module}` is not installed"
    own = root / ENVIRONMENT / "bin" / "python"
    problem = f"`{_shown(python, root)}` has no module `{module}`"
    is_without_pip = os.path.exists(own) and not os.path.exists(own.with_name("pip"))  # uv created it
    create, *install = setup_lines(requirements_of(root), "uv" if is_without_pip else None)
    if os.path.exists(own) and os.path.abspath(python) != str(own):
        deactivate = "conda deactivate" if os.path.isdir(os.path.join(python, "../../conda-meta")) else "deactivate"
        return f"{problem}: `{deactivate}` leaves that environment, so that the project's {ENVIRONMENT} is used"
    if not os.path.exists(own) and install:
        return f"{problem}: `{' && '.join([create, *install])}` installs what the project requires"
    top = module.partition(".")[0]
    package = _DISTRIBUTIONS.get(top)
    pip = (
        f"uv pip install --python {ENVIRONMENT}/bin/python"
        if is_without_pip
        else f"{_shown(python, root)} -m pip install"
    )
    one = f"`{pip} {package or top}` {'installs it' if package else 'may install it, if the package has that name'}"
    return f"{problem}: `{install[0]}` installs what the project requires; {one}" if install else f"{problem}: {one}"


def _shown(python: str, root: Path) -> str:
    """Return the interpreter, relative to the project if it is inside."""
    return os.path.relpath(python, root) if python.startswith(f"{root}{os.sep}") else python
