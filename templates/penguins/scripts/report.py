"""Write the report: the numbers of metrics.json in sentences and tables, around the plot."""

import argparse
import json
from pathlib import Path

SCORES = ["precision", "recall", "f1", "rows"]
TEMPLATE = """# Palmer penguins: the result

Accuracy **{accuracy:.4f}**, macro F1 **{macro_f1:.4f}**: {errors} of {rows} held-out birds mistaken.
Always guessing the commonest {target} would reach an accuracy of {baseline_accuracy:.4f}.

![Held-out birds by their bills, and the confusion matrix]({plot})

{scores}

A row for each true {target}, a column for each predicted one:

{matrix}
"""


def table(*rows: list) -> str:
    """A Markdown table; the first row is its head."""
    cells = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    head, *body = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([head, "|---" * len(rows[0]) + "|", *body])


def write(metrics: dict, target: str, plot: str) -> str:
    labels, per_class = metrics["labels"], metrics["per_class"]
    rows = ([label, *(per_class[label][score] for score in SCORES)] for label in labels)
    scores = table([target, *SCORES], *rows)
    matrix = table(["", *labels], *([label, *row] for label, row in zip(labels, metrics["confusion"])))
    return TEMPLATE.format(**metrics, target=target, plot=plot, scores=scores, matrix=matrix)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path, help="JSON that evaluate.py wrote")
    parser.add_argument("plot", type=Path, help="PNG that plot.py drew")
    parser.add_argument("report", type=Path, help="Markdown to write, in the folder of the plot")
    parser.add_argument("--target", required=True, help="the column that was predicted")
    args = parser.parse_args()
    metrics = json.loads(args.metrics.read_text())
    args.report.write_text(write(metrics, args.target, args.plot.name))


if __name__ == "__main__":
    main()
