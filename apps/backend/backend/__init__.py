"""The harbour log's HTTP API."""
