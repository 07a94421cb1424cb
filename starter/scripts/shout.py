"""Write a text in capitals into a file, and the number of its letters into another."""

import json
import sys
from pathlib import Path

source, file, metrics = sys.argv[1:]
text = Path(source).read_text("utf-8").strip().upper()
Path(file).write_text(f"{text}!\n", "utf-8")
Path(metrics).write_text(json.dumps({"letters": sum(map(str.isalpha, text))}) + "\n", "utf-8")
print(text)
