"""Run records: the journal, project.lock, the logs."""
