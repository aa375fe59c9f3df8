"""Fine-tuning of a generator on the seeds, for domains that its training images lack.

It has the part that DreamBooth has in the paper (medical datasets; the guide is left as it is): a MAE goes on with
masked pre-training, and a diffusion UNet gets a low-rank adapter. The paper tunes the whole of Stable Diffusion's
UNet and its text encoder; here the text encoder stays frozen, so that an adapter is a few megabytes for every
generator alike, and prompts and CLIP embeddings keep their meaning.
"""
