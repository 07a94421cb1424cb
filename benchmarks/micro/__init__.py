"""Parts of proj by themselves, timed with pytest-benchmark: `make bench-micro`."""
