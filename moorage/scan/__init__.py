"""Images as the registry has them: their layers, and whether what is in them belongs into production."""
