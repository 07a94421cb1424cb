"""Copy a folder of images, one directory per class, into a train and a test folder."""

import argparse
import random
import shutil
from pathlib import Path

from folder import files_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with one directory per class")
    parser.add_argument("target", type=Path, help="folder to make `train` and `test` in")
    parser.add_argument("--test-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    for part in ("train", "test"):
        shutil.rmtree(args.target / part, ignore_errors=True)  # no image of an earlier split stays
    counts = {"train": 0, "test": 0}
    for label, files in files_of(args.source).items():
        random.Random(f"{args.seed} {label}").shuffle(files)
        for index, file in enumerate(files):
            part = "test" if index < args.test_share * len(files) else "train"
            place = args.target / part / label
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place / file.name)
            counts[part] += 1
    print(f"{sum(counts.values())} images: {counts['train']} to train, {counts['test']} to test")


if __name__ == "__main__":
    main()
