"""Speed and size, measured on the machine at hand; nothing here can fail a test run."""
