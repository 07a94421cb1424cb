"""Clean the table of penguins and split it into a train and a test part."""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

MEASUREMENTS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def clean(birds: pd.DataFrame) -> pd.DataFrame:
    """Leave out birds that nobody measured, and the year: it is no trait of a bird.

    Other gaps stay: the model fills them in, from what it saw in training alone.
    """
    return birds.dropna(subset=MEASUREMENTS, how="all").drop(columns="year")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="CSV with one bird per row")
    parser.add_argument("train", type=Path, help="CSV to write")
    parser.add_argument("test", type=Path, help="CSV to write")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    everything = pd.read_csv(args.source)
    birds = clean(everything)
    train, test = train_test_split(
        birds, test_size=args.test_share, stratify=birds[args.target], random_state=args.seed
    )
    for part, path in ((train, args.train), (test, args.test)):
        part.sort_index().to_csv(path, index=False, na_rep="NA")
    dropped = len(everything) - len(birds)
    print(f"{len(everything)} birds, {dropped} left out: {len(train)} to train, {len(test)} to test")


if __name__ == "__main__":
    main()
