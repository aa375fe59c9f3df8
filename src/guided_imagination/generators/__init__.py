"""Generators: MAE reconstructs, unCLIP imagines anew, Stable Diffusion redraws."""
