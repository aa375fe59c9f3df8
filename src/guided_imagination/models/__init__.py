"""Pre-trained networks: the CLIP guide, how models are found and loaded, and where they run."""
