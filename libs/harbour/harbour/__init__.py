"""What the harbour log's backend and worker share."""
