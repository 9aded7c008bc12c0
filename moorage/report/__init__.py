"""What the builds of a stack's images did: read from BuildKit's history, compared with what came before, and shown."""
