"""The project directory on disk."""
