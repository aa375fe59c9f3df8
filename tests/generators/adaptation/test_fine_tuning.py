import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file
from torch import nn

from guided_imagination.generators.adaptation import adapt as fine_tuning
from guided_imagination.generators.adaptation.adapt import Losses, fine_tune, memory_needed
from guided_imagination.generators.adaptation.loading import load_task
from guided_imagination.generators.adaptation.objective import Seeds
from guided_imagination.models.device import CPU, Placement
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded
from helpers.toy import NAMES, dataset

SIDE = 16
SEEDS = Seeds(dataset([0, 1, 0, 1], side=SIDE), NAMES, SIDE, torch.device("cpu"))
BFLOAT16 = Placement(torch.device("cpu"), torch.bfloat16)
KINDS = ["mae", "unclip", "stable_unclip", "stable_diffusion"]
UNETS = KINDS[1:]


@pytest.fixture
def load(expander, tmp_path):
    def run(kind, placement=CPU, **changes):
        settings = expander(kind, **changes)
        return load_task(
            settings.generator,
            settings.guide,
            SEEDS,
            config=settings.config.adapt,
            seed=0,
            placement=placement,
            hub_folder=tmp_path,
        )

    return run


@pytest.fixture
def train(expander, tmp_path):
    def run(task, **changes):
        config = expander("mae", **changes).config.adapt
        return fine_tune(task, config, len(SEEDS), name="toy", seed=0, checkpoint=tmp_path / "checkpoint.pt")

    return run


@torch.no_grad()
def loss(task):
    """The same rows, times, noise and masks each time."""
    with seeded("fixed"):
        return task.loss(torch.arange(4).repeat(8)).item()


@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_on_the_seeds_falls(load, train, kind):
    task = load(kind)
    before = loss(task)
    measured = train(task, steps=40, learning_rate=3e-2)
    assert loss(task) < 0.97 * before
    assert measured["steps"] == 40
    assert not task.model.training


@pytest.mark.parametrize("kind", UNETS)
def test_only_the_adapter_learns_and_only_it_is_in_the_checkpoint(load, train, tmp_path, kind):
    task = load(kind)
    before = {name: value.clone() for name, value in task.model.named_parameters()}
    train(task)
    changed = {name for name, value in task.model.named_parameters() if not torch.equal(value, before[name])}
    assert changed
    assert all("lora_" in name for name in changed)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]
    assert len(kept) == sum("lora_" in name for name in before)
    assert all("lora_" in name for name in kept)


def test_all_of_a_mae_learns(load, train):
    task = load("mae")
    before = {name: value.clone() for name, value in task.model.named_parameters()}
    train(task)
    same = [name for name, value in task.model.named_parameters() if torch.equal(value, before[name])]
    # keys' biases cancel in the softmax; nothing else may stand still
    assert all("key.bias" in name or "k_proj.bias" in name for name in same)


@pytest.mark.parametrize("kind", KINDS)
def test_in_sixteen_bits_what_learns_stays_in_thirty_two(load, train, tmp_path, kind):
    task = load(kind, BFLOAT16)
    before = loss(task)
    assert before == pytest.approx(loss(load(kind)), rel=0.05)
    train(task, steps=20)
    assert loss(task) < before
    task.save(tmp_path / "saved")
    (file,) = (tmp_path / "saved").glob("*.safetensors")
    assert {value.dtype for value in load_file(file).values()} == {torch.float32}


def test_a_loss_that_explodes_stops_with_advice(load, train):
    with pytest.raises(InputError, match=r"loss of update \d+ is not finite: choose a lower adapt.learning_rate"):
        train(load("mae"), learning_rate=1e30)


def test_losses_are_summed_up_by_their_first_and_last_tenth():
    losses = Losses([8.0, 6.0, *[3.0] * 16, 2.0, 1.0])
    assert losses.summary() == {"first_loss": 7.0, "last_loss": 1.5}
    assert Losses([5.0]).summary() == {"first_loss": 5.0, "last_loss": 5.0}


def test_a_killed_training_goes_on_where_it_was_saved(load, train, monkeypatch):
    steps = []

    def rows(step, *rest, unplug_at=None):
        if step == unplug_at:
            raise KeyboardInterrupt
        steps.append(step)
        return torch.arange(4)

    monkeypatch.setattr(fine_tuning, "batch_indices", lambda step, *rest: rows(step, unplug_at=17))
    with pytest.raises(KeyboardInterrupt):
        train(load("mae"), steps=20)
    monkeypatch.setattr(fine_tuning, "batch_indices", rows)
    train(load("mae"), steps=20)
    assert steps == [*range(17), 16, 17, 18, 19]  # saved after every tenth of the updates


def test_dreambooth_trains_all_of_unet_and_text_encoder_and_nothing_else(load, train, tmp_path):
    task = load("stable_diffusion", weights="whole")
    learned = {name: value.clone() for name, value in task.model.named_parameters()}
    assert {name.split(".")[0] for name in learned} == {"unet", "text_encoder"}
    before = loss(task)
    train(task, steps=40, learning_rate=1e-3, schedule="constant")
    assert loss(task) < 0.97 * before
    same = [name for name, value in task.model.named_parameters() if torch.equal(value, learned[name])]
    # keys' biases cancel in the softmax, and the prompts are shorter than the context
    assert all("k_proj.bias" in name or "position_embedding" in name or "token_embedding" in name for name in same)
    task.save(tmp_path / "saved")
    pipeline = StableDiffusionPipeline.from_pretrained(tmp_path / "saved", use_safetensors=True)
    for name, module in (("unet", pipeline.unet), ("text_encoder", pipeline.text_encoder)):
        for key, value in module.state_dict().items():
            assert torch.equal(value, task.model[name].state_dict()[key]), f"{name}.{key} is saved as it was trained"


def test_the_memory_of_what_is_trained_is_known_before():
    # 6 weights of 32 bits that learn: 4 bytes of weight, gradient and two moments each; 3 of 16 bits that do not
    model = nn.ModuleDict({"learns": nn.Linear(2, 3, bias=False), "stays": nn.Linear(3, 1, bias=False).half()})
    model["stays"].requires_grad_(False)
    assert memory_needed(model) == 6 * 16 + 3 * 2
