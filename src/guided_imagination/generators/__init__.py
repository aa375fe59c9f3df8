"""Generators: MAE reconstructs, unCLIP imagines anew."""
