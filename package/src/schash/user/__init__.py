"""Cells of your own: reading them, matching their genes, training on them and annotating them."""
