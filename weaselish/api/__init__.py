"""proj from Python: notebooks, scripts, tests, and proj's own command line."""
