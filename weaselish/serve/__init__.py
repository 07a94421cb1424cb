"""The dashboard: `proj serve`."""
