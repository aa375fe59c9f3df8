"""The heart: criteria, and a perturbation that they guide (paper, section 4)."""
