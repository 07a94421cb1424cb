"""Split texts into a train and a dev part, in the JSON format that `spacy convert` reads."""

import argparse
import json
import random
from pathlib import Path

import spacy

FIELD = "language"  # what a text's class is called in the source


def as_spacy(text: str, label: str, labels: list[str], tokenizer) -> dict:
    tokens = [{"id": token.i, "orth": token.text} for token in tokenizer(text)]
    cats = [{"label": name, "value": float(name == label)} for name in labels]
    return {"paragraphs": [{"raw": text, "sentences": [{"tokens": tokens, "brackets": []}], "cats": cats}]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="JSON lines with a text and its class")
    parser.add_argument("train", type=Path, help="JSON to write")
    parser.add_argument("dev", type=Path, help="JSON to write")
    parser.add_argument("--lang", default="xx", help="the language whose tokenizer is used; xx: any")
    parser.add_argument("--dev-share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    rows = [json.loads(line) for line in args.source.read_text("utf-8").splitlines()]
    random.Random(args.seed).shuffle(rows)
    labels = sorted({row[FIELD] for row in rows})
    tokenizer = spacy.blank(args.lang).tokenizer
    cut = round(len(rows) * args.dev_share)
    for path, part in ((args.dev, rows[:cut]), (args.train, rows[cut:])):
        docs = [{"id": i, **as_spacy(row["text"], row[FIELD], labels, tokenizer)} for i, row in enumerate(part)]
        path.write_text(json.dumps(docs, ensure_ascii=False), "utf-8")
    print(f"{len(rows)} texts in {len(labels)} classes: {len(rows) - cut} to train, {cut} for dev")


if __name__ == "__main__":
    main()
