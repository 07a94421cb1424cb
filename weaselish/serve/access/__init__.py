"""Access: roles, logins, sessions, tokens, forms, proxies."""
