"""The project as its author wrote it: data, its schema, its variables. No I/O."""
