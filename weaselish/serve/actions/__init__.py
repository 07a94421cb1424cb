"""What visitors with the role runner may start: runs, accept, push and pull, as processes with limits."""
