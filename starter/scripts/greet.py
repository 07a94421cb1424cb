"""Write a greeting into a file."""

import sys
from pathlib import Path

greeting, file = sys.argv[1:]
Path(file).write_text(f"{greeting}, world\n", "utf-8")
