"""Write the commonest words down."""

import argparse
import csv
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("counts", type=Path, help="CSV that count.py wrote")
parser.add_argument("report", type=Path, help="Markdown to write")
parser.add_argument("--most", type=int, default=10)
args = parser.parse_args()

with open(args.counts, encoding="utf-8", newline="") as file:
    rows = sorted(csv.DictReader(file), key=lambda row: (-int(row["count"]), row["word"]))
lines = [f"| {row['word']} | {row['count']} |\n" for row in rows[: args.most]]
args.report.write_text("# The commonest words\n\n| word | count |\n|---|---|\n" + "".join(lines), "utf-8")
