"""Classifiers, and the cells of the grid that they are trained in."""
