"""Measure a model on texts that it has not seen."""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import classification_report

DIGITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="joblib file of the model")
    parser.add_argument("test", type=Path, help="CSV to test with")
    parser.add_argument("metrics", type=Path, help="JSON to write")
    parser.add_argument("mistakes", type=Path, help="CSV to write: the texts that were taken for another class")
    parser.add_argument("--text", required=True, help="the column with the text")
    parser.add_argument("--label", required=True, help="the column that names the class")
    args = parser.parse_args()

    model = joblib.load(args.model)
    test = pd.read_csv(args.test)
    confidence = model.predict_proba(test[args.text])
    test["predicted"] = model.classes_[confidence.argmax(axis=1)]
    test["confidence"] = confidence.max(axis=1).round(DIGITS)
    wrong = test[test["predicted"] != test[args.label]]
    wrong.sort_values("confidence", ascending=False, kind="stable").to_csv(args.mistakes, index=False)

    scores = classification_report(test[args.label], test["predicted"], output_dict=True, zero_division=0)
    metrics = {
        "accuracy": round(1 - len(wrong) / len(test), DIGITS),
        "macro_f1": round(scores["macro avg"]["f1-score"], DIGITS),
        "rows": len(test),
        "errors": len(wrong),
        "f1": {str(label): round(scores[str(label)]["f1-score"], DIGITS) for label in model.classes_},
    }
    args.metrics.write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"accuracy {metrics['accuracy']:.4f}: {len(wrong)} of {len(test)} texts mistaken")


if __name__ == "__main__":
    main()
