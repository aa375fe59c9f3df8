import torch
import pytest
@pytest.mark.parametrize("kind", ["mae","unclip","stable_unclip","stable_diffusion"])
def test_it(adapt, kind):
    print(adapt(kind, steps=200))
