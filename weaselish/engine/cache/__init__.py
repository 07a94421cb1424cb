"""The run cache: results that `proj run` restores instead of computing them again, and stores for later."""
