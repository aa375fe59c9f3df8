import torch

from guided_imagination.utils.clock import Clock


def test_the_clock_waits_for_each_gpu_that_is_used_and_for_no_other(monkeypatch):
    waited = []
    reserved = [0, 2**20, 2**21]  # bytes on cuda:0, cuda:1, cuda:2
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: reserved[device])
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: waited.append(device))
    with Clock()("decode"):
        assert waited == []
    assert waited == [1, 2]
