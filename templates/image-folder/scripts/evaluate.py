"""Measure a model on images that it has not seen, and draw those that it mistook."""

import argparse
import json
from pathlib import Path

import joblib
from folder import read
from PIL import Image, ImageDraw
from sklearn.metrics import f1_score

DIGITS = 4
CELL, COLUMNS = 96, 6  # of the sheet: pixels per image, images per row


def draw(mistakes: list[tuple[Path, str, str]], sheet: Path) -> None:
    """A sheet of images, each with its class and what it was taken for."""
    rows = max(1, -(-len(mistakes) // COLUMNS))
    page = Image.new("L", (COLUMNS * CELL, rows * CELL), 255)
    pen = ImageDraw.Draw(page)
    for index, (file, label, predicted) in enumerate(mistakes):
        x, y = index % COLUMNS * CELL, index // COLUMNS * CELL
        image = Image.open(file).convert("L").resize((CELL - 24, CELL - 24), Image.Resampling.NEAREST)
        page.paste(image, (x + 12, y + 4))
        pen.text((x + 12, y + CELL - 18), f"{label}, not {predicted}", fill=0)
    page.save(sheet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="joblib file of the model")
    parser.add_argument("test", type=Path, help="folder to test with, one directory per class")
    parser.add_argument("metrics", type=Path, help="JSON to write")
    parser.add_argument("mistakes", type=Path, help="PNG to write: the images that were taken for another class")
    parser.add_argument("--size", type=int, required=True, help="width and height in pixels")
    args = parser.parse_args()

    pixels, labels, files = read(args.test, args.size)
    predicted = joblib.load(args.model).predict(pixels)
    wrong = [row for row in zip(files, labels, predicted) if row[1] != row[2]]
    metrics = {
        "accuracy": round(1 - len(wrong) / len(labels), DIGITS),
        "macro_f1": round(float(f1_score(labels, predicted, average="macro")), DIGITS),
        "rows": len(labels),
        "errors": len(wrong),
    }
    args.metrics.write_text(json.dumps(metrics, indent=2) + "\n")
    draw(wrong, args.mistakes)
    print(f"accuracy {metrics['accuracy']:.4f}: {len(wrong)} of {len(labels)} images mistaken")


if __name__ == "__main__":
    main()
