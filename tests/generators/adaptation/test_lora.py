from types import SimpleNamespace

import pytest
import torch
from diffusers import DDPMScheduler
from torch import nn

from guided_imagination.generators.adaptation.denoising import Lesson, denoising_loss, lora_task, target
from guided_imagination.models.device import CPU
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.randomness import seeded

LATENTS, NOISE = torch.randn(2, 5, 4, 2, 2, generator=torch.Generator().manual_seed(0))
ROWS = torch.arange(5)


class Denoiser(nn.Module):
    """Answers with `answer(noised, times)` and remembers what it was told."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.device = answer, nn.Parameter(torch.zeros(()))

    def forward(self, noised, times, told):
        self.told = told
        return SimpleNamespace(sample=self.answer(noised, times))


def lesson(latents=LATENTS):
    return Lesson(
        latents=lambda rows: latents[rows],
        condition=lambda rows: torch.ones(len(rows), 3),
        unconditional=torch.zeros(3),
        arguments=lambda condition: {"told": condition},
    )


def test_a_scheduler_of_epsilon_wants_the_noise():
    assert target(DDPMScheduler(prediction_type="epsilon"), LATENTS, NOISE, ROWS) is NOISE


def test_a_scheduler_of_v_wants_the_velocity():
    # v = alpha * noise - sigma * x, alpha^2 = product of (1 - beta), alpha^2 + sigma^2 = 1
    scheduler = DDPMScheduler(beta_start=0.1, beta_end=0.1, num_train_timesteps=10, prediction_type="v_prediction")
    share = torch.tensor([0.9 ** (time + 1) for time in range(5)])[:, None, None, None]
    expected = share.sqrt() * NOISE - (1 - share).sqrt() * LATENTS
    torch.testing.assert_close(target(scheduler, LATENTS, NOISE, ROWS), expected)


def test_other_schedulers_are_refused():
    with pytest.raises(InputError, match="'sample' of the scheduler cannot be fine-tuned"):
        target(DDPMScheduler(prediction_type="sample"), LATENTS, NOISE, ROWS)


def test_who_finds_the_noise_has_no_loss_whatever_its_further_channels_say():
    scheduler = DDPMScheduler(beta_start=0.1, beta_end=0.1, num_train_timesteps=10)

    def oracle(noised, times):
        share = (0.9 ** (times + 1))[:, None, None, None]
        noise = (noised - share.sqrt() * LATENTS) / (1 - share).sqrt()
        return torch.cat([noise, 1000 * torch.ones_like(noise)], dim=1)

    assert denoising_loss(Denoiser(oracle), scheduler, lesson(), ROWS) < 1e-8
    assert denoising_loss(Denoiser(lambda noised, times: noised), scheduler, lesson(), ROWS) > 0.01


def test_a_tenth_of_the_rows_is_told_nothing():
    unet = Denoiser(lambda noised, times: noised)
    rows = torch.zeros(2000, dtype=torch.long)
    with seeded("share"):
        denoising_loss(unet, DDPMScheduler(), lesson(), rows)
    told = unet.told.mean(1)
    assert set(told.tolist()) == {0.0, 1.0}  # a row as a whole
    assert 0.88 < told.mean() < 0.92


def test_every_attention_projection_gets_an_adapter_and_nothing_else(tmp_path, kandinsky):
    unet = type(kandinsky.unet).from_config(kandinsky.unet.config)
    linear = {name for name, part in unet.named_modules() if isinstance(part, nn.Linear) and "attentions" in name}
    assert {name.rsplit(".", 1)[1] for name in linear} == {"to_q", "to_k", "to_v", "0", "add_k_proj", "add_v_proj"}
    task = lora_task(unet, kandinsky.scheduler.config, lesson(), rank=3, seed=0, placement=CPU)
    trained = {name for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    prefix, suffixes = "base_model.model.", (".lora_A.default.weight", ".lora_B.default.weight")
    assert trained == {prefix + name + suffix for name in linear for suffix in suffixes}


def test_a_new_adapter_changes_nothing(kandinsky):
    unet = type(kandinsky.unet).from_config(kandinsky.unet.config).eval()
    inputs = {"added_cond_kwargs": {"image_embeds": torch.ones(1, 8)}, "encoder_hidden_states": None}
    noised = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = unet(noised, 5, **inputs).sample
        task = lora_task(unet, kandinsky.scheduler.config, lesson(), rank=3, seed=0, placement=CPU)
        assert torch.equal(task.model(noised, 5, **inputs).sample, before)
