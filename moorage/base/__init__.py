"""What every room uses: errors, what is shown on a terminal."""
