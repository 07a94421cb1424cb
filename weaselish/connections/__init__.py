"""Connections: the user's remotes and credentials, and where secrets come from."""
