import pytest
import torch
from torch import nn
from transformers import get_cosine_schedule_with_warmup

from guided_imagination.utils.fit import fit
from guided_imagination.utils.randomness import batch_indices, generator, seeded

DATA = torch.randn(20, 4, generator=generator("data"))


class UnpluggedError(Exception):
    pass


def run(checkpoint=None, unplug_at=None, steps=10, after_step=lambda step, loss: None):
    """Train a network with dropout; returns its weights."""
    with seeded("initialisation"):
        model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = get_cosine_schedule_with_warmup(optimizer, 3, steps)

    def loss_at(step):
        if step == unplug_at:
            raise UnpluggedError
        return (model(DATA[batch_indices(step, 20, 8, 0)]) - 1).square().mean()

    parts = {"model": model}
    fit(
        loss_at,
        optimizer,
        schedule,
        steps,
        name="toy",
        seed=0,
        state=parts,
        checkpoint=checkpoint,
        save_every=3,
        after_step=after_step,
    )
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


@pytest.mark.parametrize("unplug_at", [2, 3, 7, 9])
def test_a_resumed_run_ends_exactly_like_an_uninterrupted_one(tmp_path, unplug_at):
    with pytest.raises(UnpluggedError):
        run(tmp_path / "checkpoint.pt", unplug_at)
    assert torch.equal(run(tmp_path / "checkpoint.pt"), run())


def test_a_resumed_run_repeats_only_what_was_not_saved(tmp_path):
    with pytest.raises(UnpluggedError):
        run(tmp_path / "checkpoint.pt", unplug_at=8)
    steps = []
    run(tmp_path / "checkpoint.pt", after_step=lambda step, loss: steps.append(step))
    assert steps == [6, 7, 8, 9]  # saved after every third step


def test_training_leaves_the_global_random_state_untouched():
    before = torch.get_rng_state()
    run()
    assert torch.equal(torch.get_rng_state(), before)


def test_training_lowers_the_loss():
    losses = []
    run(steps=100, after_step=lambda step, loss: losses.append(loss.item()))
    assert len(losses) == 100
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
