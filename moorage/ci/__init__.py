"""What CI systems run: workflows from one description, what a job was given, what a pull request is told."""
