"""Training of the small embedded CLIP, MAE and unCLIP models (pipeline `pretrain`)."""
