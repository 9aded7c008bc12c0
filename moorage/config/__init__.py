"""The configuration: its models, and the loader that reads, checks and merges them."""
