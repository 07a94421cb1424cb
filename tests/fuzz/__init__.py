"""Mutants of every file that `proj` reads, and every subcommand asked about each."""
