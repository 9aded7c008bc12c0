"""What developers and CI run, each as ``python -m tools.NAME``; ``--help`` says how."""
