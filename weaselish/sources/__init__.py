"""Where assets come from: HTTP, git, local paths, buckets."""
