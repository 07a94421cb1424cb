"""Split a table of texts into a train and a test part."""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="CSV with one text per row")
    parser.add_argument("train", type=Path, help="CSV to write")
    parser.add_argument("test", type=Path, help="CSV to write")
    parser.add_argument("--label", required=True, help="the column that names the class")
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    texts = pd.read_csv(args.source).drop_duplicates()
    train, test = train_test_split(
        texts, test_size=args.test_share, stratify=texts[args.label], random_state=args.seed
    )
    for part, path in ((train, args.train), (test, args.test)):
        part.sort_index().to_csv(path, index=False)
    print(f"{len(texts)} texts: {len(train)} to train, {len(test)} to test")


if __name__ == "__main__":
    main()
