"""The stack's building blocks: one ComponentResource a file, and the pure builders that they share."""
