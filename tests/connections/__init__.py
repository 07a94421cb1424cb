"""Tests of connections: the user's remotes and credentials, and references to secrets."""
