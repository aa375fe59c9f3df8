import pytest
import torch
from torch.nn.functional import cross_entropy, normalize

from guided_imagination.pretraining.clip import contrastive_loss, shift
from guided_imagination.utils.randomness import generator, seeded

IMAGES, TEXTS = torch.randn(2, 5, 4, generator=generator("embeddings"))
SCALE = torch.tensor(7.0)


def test_with_a_diagonal_of_matches_it_is_clips_loss():
    logits = 7 * normalize(IMAGES, dim=-1) @ normalize(TEXTS, dim=-1).T
    rows = torch.arange(5)
    expected = (cross_entropy(logits, rows) + cross_entropy(logits.T, rows)) / 2
    torch.testing.assert_close(contrastive_loss(IMAGES, TEXTS, torch.eye(5, dtype=torch.bool), SCALE), expected)


def test_all_true_pairs_share_the_target():
    # three pairs; caption 1 is also true of image 0: soft targets (1/2, 1/2, 0) by image 0 and by caption 1
    matches = torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.bool)
    images, texts = IMAGES[:3], TEXTS[:3]
    logits = 7 * normalize(images, dim=-1) @ normalize(texts, dim=-1).T
    by_image = torch.tensor([[0.5, 0.5, 0], [0, 1, 0], [0, 0, 1]])
    by_text = torch.tensor([[1, 0, 0], [0.5, 0.5, 0], [0, 0, 1]])
    expected = (cross_entropy(logits, by_image) + cross_entropy(logits.T, by_text)) / 2
    torch.testing.assert_close(contrastive_loss(images, texts, matches, SCALE), expected)


def test_the_length_of_an_embedding_does_not_matter():
    matches = torch.eye(5, dtype=torch.bool)
    torch.testing.assert_close(
        contrastive_loss(3 * IMAGES, 0.2 * TEXTS, matches, SCALE), contrastive_loss(IMAGES, TEXTS, matches, SCALE)
    )


@pytest.mark.parametrize("seed", range(5))
def test_shifting_moves_by_at_most_two_pixels(seed):
    image = torch.zeros(1, 3, 8, 8)
    image[..., 4, 4] = 1
    with seeded(seed):
        moved = shift(image)
    assert moved.shape == image.shape
    assert moved.sum() == 3
    y, x = moved[0, 0].nonzero()[0].tolist()
    assert abs(y - 4) <= 2
    assert abs(x - 4) <= 2


def test_what_a_shift_leaves_empty_is_the_border_again():
    image = torch.full((1, 3, 8, 8), 0.7)
    for seed in range(5):
        with seeded(seed):
            assert torch.equal(shift(image), image)
