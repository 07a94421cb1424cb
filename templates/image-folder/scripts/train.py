"""Fit a model that predicts the class of an image from its pixels."""

import argparse
from pathlib import Path

import joblib
from folder import read
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="folder to learn from, one directory per class")
    parser.add_argument("model", type=Path, help="joblib file to write")
    parser.add_argument("--size", type=int, required=True, help="width and height in pixels")
    parser.add_argument("--C", type=float, default=10.0, help="smaller: stronger regularisation")
    args = parser.parse_args()

    pixels, labels, _ = read(args.train, args.size)
    model = make_pipeline(StandardScaler(), SVC(C=args.C)).fit(pixels, labels)
    joblib.dump(model, args.model)
    print(f"trained on {len(labels)} images, accuracy there: {model.score(pixels, labels):.4f}")


if __name__ == "__main__":
    main()
