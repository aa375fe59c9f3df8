import pytest
import torch

from guided_imagination.config.models import ComputeConfig
from guided_imagination.models.device import CPU, Batches, for_training, make_deterministic, place
from guided_imagination.utils.errors import InputError


def compute(device="cpu", precision="auto", offload="none"):
    return ComputeConfig(device=device, precision=precision, offload=offload)


def test_cpus_calculate_in_32_bits_unless_told_otherwise():
    assert place(compute()) == CPU
    with place(compute()).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_16_bits_run_under_autocast():
    placement = place(compute(precision="bfloat16"))
    assert placement.dtype == torch.bfloat16
    with placement.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (compute("cuda"), "compute.device = 'cuda': this machine has 0 CUDA devices"),
        (compute("cuda:3"), "compute.device = 'cuda:3': this machine has 0 CUDA devices"),
        (compute("mps"), "compute.device = 'mps': this machine has no Apple GPU"),
        (compute(offload="model"), "there is no GPU to offload from; allowed: none"),
    ],
)
def test_a_device_that_is_not_there_is_refused(config, sentence):
    with pytest.raises(InputError, match=sentence):
        place(config)


def test_classifiers_are_not_trained_in_float16():
    assert for_training(place(compute(precision="float16"))).dtype == torch.float32
    assert for_training(place(compute(precision="bfloat16"))).dtype == torch.bfloat16


def test_a_fixed_number_of_images_is_never_halved():
    def exhausted(size):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(InputError, match=r"forbids smaller batches than 8 images.*lower images_per_batch"):
        Batches(8, fixed=True).run(exhausted)


def test_deterministic_means_one_thread_and_deterministic_kernels(monkeypatch):
    called = {}
    monkeypatch.setattr(torch, "set_num_threads", lambda count: called.update(threads=count))
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda on: called.update(kernels=on))
    make_deterministic()
    assert called == {"threads": 1, "kernels": True}
