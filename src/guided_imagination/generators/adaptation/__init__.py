"""Fine-tuning of a generator on the seeds, for domains that its training images lack.

It has the part that DreamBooth has in the paper (medical datasets; the guide is left as it is): a MAE goes on with
masked pre-training, a diffusion UNet gets a low-rank adapter of a few megabytes, or Stable Diffusion's UNet and text
encoder are trained as a whole, as the paper does.
"""
