"""The command line, the front door to every room."""
