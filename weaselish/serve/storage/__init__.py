"""The database of the dashboard: accounts, sessions, tokens, the audit log, the index of records."""
