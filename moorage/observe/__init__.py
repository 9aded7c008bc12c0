"""What became of a stack: its events, restarts, limits and rollouts as entries that people and programs read."""
