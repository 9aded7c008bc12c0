"""What goes into each image: its files, settings and bases, their digest, and what a change of them touches."""
