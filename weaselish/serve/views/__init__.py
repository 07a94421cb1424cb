"""What pages and JSON show, as data."""
