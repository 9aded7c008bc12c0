"""What a node of the monorepo really uses: its build context, its Dockerfile, its imports."""
