"""The project's files on disk: digests, walks, atomic writes, YAML."""
