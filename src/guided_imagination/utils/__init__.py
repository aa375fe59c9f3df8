"""What every room uses: errors, files, randomness, the training loop."""
