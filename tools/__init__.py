"""What developers and CI run: JSON Schemas, the reference pages, the comment on a pull request."""
