"""What visitors see as it happens: runs that start and end, and the output of scripts, as server-sent events."""
