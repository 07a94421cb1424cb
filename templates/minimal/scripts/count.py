"""Count the words of a text."""

import re
import sys
from collections import Counter
from pathlib import Path

source, target = map(Path, sys.argv[1:])
counts = Counter(re.findall(r"\w+", source.read_text("utf-8").lower()))
lines = [f"{word},{count}\n" for word, count in sorted(counts.items())]
target.write_text("word,count\n" + "".join(lines), "utf-8")
print(f"{len(counts)} different words of {counts.total()}")
