"""Look at each file below a directory, or at a file: scandir and stat, no more."""

from __future__ import annotations

import os
import sys

waiting = [sys.argv[1]]
files = 0
while waiting:
    with os.scandir(waiting.pop()) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            else:
                entry.stat()
                files += 1
print(files)
