"""Computes the harbour log's totals from its stream of events."""
