"""What a run will cost before it begins: how much work there is, how fast this machine does it, and the product."""
