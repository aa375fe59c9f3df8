"""The one place where a pickle is read."""

import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from guided_imagination.models.convert import convert
from guided_imagination.utils.errors import InputError

WEIGHT = torch.arange(6.0).view(2, 3)


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("touched"),))


@pytest.mark.parametrize("wrap", [lambda w: w, lambda w: {"state_dict": w}, lambda w: {"model": w, "epoch": 3}])
def test_tensors_are_the_same(wrap, tmp_path):
    torch.save(wrap(OrderedDict(a=WEIGHT, b=WEIGHT.t(), tied=WEIGHT)), tmp_path / "pytorch_model.bin")
    file = convert(tmp_path / "pytorch_model.bin")
    assert file == tmp_path / "model.safetensors"
    found = load_file(file)
    assert set(found) == {"a", "b", "tied"}
    assert torch.equal(found["b"], WEIGHT.t())
    assert torch.equal(found["tied"], WEIGHT)


def test_a_pipelines_files_keep_their_names(tmp_path):
    torch.save({"a": WEIGHT}, tmp_path / "diffusion_pytorch_model.bin")
    assert convert(tmp_path / "diffusion_pytorch_model.bin").name == "diffusion_pytorch_model.safetensors"


def test_code_in_a_pickle_is_refused_and_does_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": WEIGHT, "b": Evil()}, "evil.pth")
    with pytest.raises(InputError, match=r"^evil.pth holds no weights that are safe to read: "):
        convert(Path("evil.pth"))
    assert not Path("touched").exists()
    assert not Path("evil.safetensors").exists()


@pytest.mark.parametrize("content", [{"a": "text"}, {}, [WEIGHT]], ids=["text", "nothing", "a list"])
def test_what_has_no_tensors_by_name_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(InputError, match="contains no named tensors"):
        convert(tmp_path / "model.pth")


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04 and no more"])
def test_a_damaged_file_is_one_sentence(content, tmp_path):
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(InputError, match="holds no weights that are safe to read"):
        convert(tmp_path / "model.pth")


def test_the_command_writes_beside_or_where_it_is_told(tmp_path):
    torch.save({"a": WEIGHT}, tmp_path / "official.pth")
    program = [sys.executable, "-m", "guided_imagination.models.convert"]
    target = tmp_path / "model.safetensors"
    answer = subprocess.run([*program, tmp_path / "official.pth", target], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == str(target)
    assert torch.equal(load_file(target)["a"], WEIGHT)
    wrong = subprocess.run([*program, tmp_path / "none.pth"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert "none.pth holds no weights" in wrong.stderr
