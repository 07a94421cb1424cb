"""Assets: files and directories from elsewhere that project.yml names."""
