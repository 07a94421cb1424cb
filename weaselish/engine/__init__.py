"""The use-cases: a plan in, events out."""
