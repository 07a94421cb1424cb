"""What `proj` and its peers take for the same work, each measured as a whole process. See README.md."""
