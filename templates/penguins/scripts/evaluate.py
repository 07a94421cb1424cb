"""Measure a model on rows that it has not seen."""

import argparse
import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

DIGITS = 4


def measure(true: pd.Series, predicted: np.ndarray, labels: list[str]) -> dict:
    """Rows of the confusion matrix are the true classes, columns the predicted ones."""
    scores = classification_report(
        true, predicted, labels=labels, output_dict=True, zero_division=0
    )
    return {
        "accuracy": round(float(accuracy_score(true, predicted)), DIGITS),
        "baseline_accuracy": round(float(true.value_counts(normalize=True).max()), DIGITS),
        "macro_f1": round(float(scores["macro avg"]["f1-score"]), DIGITS),
        "rows": len(true),
        "errors": int((true != predicted).sum()),
        "per_class": {
            label: {
                "precision": round(float(scores[label]["precision"]), DIGITS),
                "recall": round(float(scores[label]["recall"]), DIGITS),
                "f1": round(float(scores[label]["f1-score"]), DIGITS),
                "rows": int(scores[label]["support"]),
            }
            for label in labels
        },
        "labels": labels,
        "confusion": confusion_matrix(true, predicted, labels=labels).tolist(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="joblib file of the model")
    parser.add_argument("test", type=Path, help="CSV to test with")
    parser.add_argument("metrics", type=Path, help="JSON to write")
    parser.add_argument("predictions", type=Path, help="CSV to write: the test rows and what the model says")
    parser.add_argument("--target", required=True, help="the column to predict")
    args = parser.parse_args()

    model = joblib.load(args.model)
    test = pd.read_csv(args.test)
    confidence = model.predict_proba(test.drop(columns=args.target))
    predicted = model.classes_[confidence.argmax(axis=1)]

    metrics = measure(test[args.target], predicted, labels=[str(label) for label in model.classes_])
    args.metrics.write_text(json.dumps(metrics, indent=2, sort_keys=True) + "\n")
    predictions = test.assign(predicted=predicted, confidence=confidence.max(axis=1).round(DIGITS))
    predictions.to_csv(args.predictions, index=False, na_rep="NA")
    print(f"accuracy {metrics['accuracy']:.4f}, macro F1 {metrics['macro_f1']:.4f} on {metrics['rows']} rows")


if __name__ == "__main__":
    main()
