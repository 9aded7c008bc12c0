"""Taking a repository in: what is found in one that knows nothing of Moorage, and the drafts that describe it."""
