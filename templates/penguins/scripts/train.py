"""Fit a pipeline that predicts one column of a table from all the others."""

import argparse
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def make_model(C: float, max_iter: int) -> Pipeline:
    """Numbers are imputed and scaled, text is imputed and one-hot encoded; then a linear model."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    )
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (words, make_column_selector(dtype_exclude="number")),
    )
    return make_pipeline(columns, LogisticRegression(C=C, max_iter=max_iter))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path, help="CSV to learn from")
    parser.add_argument("model", type=Path, help="joblib file to write")
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--C", type=float, default=1.0, help="smaller: stronger regularisation")
    parser.add_argument("--max-iter", type=int, default=1000)
    args = parser.parse_args()

    train = pd.read_csv(args.train)
    features, labels = train.drop(columns=args.target), train[args.target]
    model = make_model(args.C, args.max_iter).fit(features, labels)
    joblib.dump(model, args.model)
    print(f"trained on {len(train)} rows, accuracy there: {model.score(features, labels):.4f}")


if __name__ == "__main__":
    main()
