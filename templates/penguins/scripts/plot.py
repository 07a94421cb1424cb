"""Draw the held-out birds and the confusion matrix."""

import argparse
import json
from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, which colour-blind readers can tell apart; the markers say it again.
STYLES = [("#D55E00", "o"), ("#0072B2", "^"), ("#009E73", "s"), ("#CC79A7", "D")]
X, Y = "bill_length_mm", "bill_depth_mm"
TITLE = {"loc": "left", "fontsize": 12, "fontweight": "bold", "pad": 30}


def draw_birds(axes: Axes, birds: pd.DataFrame, target: str) -> None:
    for (label, group), (colour, marker) in zip(birds.groupby(target), cycle(STYLES)):
        axes.scatter(group[X], group[Y], s=48, c=colour, marker=marker, ec="white", lw=0.6, label=label)
    wrong = birds[birds[target] != birds["predicted"]]
    if len(wrong):
        axes.scatter(wrong[X], wrong[Y], s=170, c="none", ec="black", lw=1.4, label="mistaken")
    axes.set_title("Held-out birds by their bills", **TITLE)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=5, frameon=False, handletextpad=0.1)
    axes.set(xlabel="bill length (mm)", ylabel="bill depth (mm)", axisbelow=True)
    axes.grid(color="#e6e6e6", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)


def draw_confusion(axes: Axes, labels: list[str], confusion: list[list[int]], target: str) -> None:
    shares = [[count / max(sum(row), 1) for count in row] for row in confusion]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25)
    for i, row in enumerate(confusion):
        for j, count in enumerate(row):
            colour = "white" if shares[i][j] > 0.7 else "#333333"
            axes.text(j, i, count, ha="center", va="center", size=16, color=colour)
    axes.set_title("What the model took them for", **TITLE)
    axes.set_xlabel(f"predicted {target}", labelpad=10)
    axes.set_ylabel(f"true {target}", labelpad=10)
    axes.set(xticks=range(len(labels)), yticks=range(len(labels)), xticklabels=labels, yticklabels=labels)
    axes.tick_params(length=0, pad=8)
    axes.spines[:].set_visible(False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("metrics", type=Path, help="JSON that evaluate.py wrote")
    parser.add_argument("predictions", type=Path, help="CSV that evaluate.py wrote")
    parser.add_argument("plot", type=Path, help="PNG to write")
    parser.add_argument("--target", required=True, help="the column that was predicted")
    args = parser.parse_args()
    metrics = json.loads(args.metrics.read_text())

    figure = Figure(figsize=(11, 5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.12, h_pad=0.12)
    left, right = figure.subplots(1, 2, width_ratios=[1.35, 1])
    draw_birds(left, pd.read_csv(args.predictions), args.target)
    draw_confusion(right, metrics["labels"], metrics["confusion"], args.target)
    figure.savefig(args.plot, dpi=150, metadata={"Software": None})  # no version inside: stable bytes


if __name__ == "__main__":
    main()
