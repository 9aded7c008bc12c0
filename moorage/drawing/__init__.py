"""Pictures of the monorepo's graph: a tree for terminals, mermaid for pages, SVG for everything else."""
