"""Sources against what is declared of them: imports, contexts, Dockerfiles."""
