"""Fit a pipeline that predicts the class of a text."""

import argparse
from pathlib import Path

import joblib
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline


def make_model(longest: int, C: float) -> Pipeline:
    """Runs of characters tell languages apart; for topics, take words: `analyzer="word", ngram_range=(1, 2)`."""
    features = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, longest), sublinear_tf=True)
    return make_pipeline(features, LogisticRegression(C=C, max_iter=1000))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="CSV to learn from")
    parser.add_argument("model", type=Path, help="joblib file to write")
    parser.add_argument("--text", required=True, help="the column with the text")
    parser.add_argument("--label", required=True, help="the column that names the class")
    parser.add_argument("--longest", type=int, default=3, help="characters in a run")
    parser.add_argument("--C", type=float, default=10.0, help="smaller: stronger regularisation")
    args = parser.parse_args()

    train = pd.read_csv(args.train)
    model = make_model(args.longest, args.C).fit(train[args.text], train[args.label])
    joblib.dump(model, args.model)
    print(f"trained on {len(train)} texts, accuracy there: {model.score(train[args.text], train[args.label]):.4f}")


if __name__ == "__main__":
    main()
