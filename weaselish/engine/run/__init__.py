"""Running: plan, staleness, execution, recording."""
