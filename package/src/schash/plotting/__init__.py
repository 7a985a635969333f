"""Figures, drawn from tables only: one module per target, and one for the style they share."""
