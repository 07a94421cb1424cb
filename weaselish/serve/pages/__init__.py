"""The pages, in HTML."""
