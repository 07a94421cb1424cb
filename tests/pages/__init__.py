"""The pages in README.md and docs/: runs their sessions, writes what is generated, and lists what is not run."""
