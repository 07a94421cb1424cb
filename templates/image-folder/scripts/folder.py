"""Read a folder of images with one directory per class."""

from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"}


def files_of(folder: Path) -> dict[str, list[Path]]:
    """The images of each class, sorted: the order in which a disk lists them must not matter."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return {
        path.name: sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES) for path in classes
    }


def read(folder: Path, size: int) -> tuple[np.ndarray, list[str], list[Path]]:
    """Grey pixels from 0 to 1, a row per image, with its class and its file."""
    pairs = [(label, file) for label, files in files_of(folder).items() for file in files]
    pixels = [
        np.asarray(Image.open(file).convert("L").resize((size, size)), dtype=float).ravel() / 255
        for _, file in pairs
    ]
    return np.array(pixels), [label for label, _ in pairs], [file for _, file in pairs]
