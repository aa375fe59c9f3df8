import pytest
import torch
from safetensors.torch import save_file

from guided_imagination.errors import InputError
from guided_imagination.weights import check_weights, weights_checksum


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "unet").mkdir()
    save_file({"weight": torch.arange(100.0)}, tmp_path / "unet" / "model.safetensors")
    (tmp_path / "config.json").write_text('{"layers": 1}')
    return tmp_path


def test_whole_weights_are_accepted(folder):
    check_weights(str(folder))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no weights in .*nowhere"):
        check_weights(str(tmp_path / "nowhere"))


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_truncated_file_is_named(folder, size):
    file = folder / "unet" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(InputError, match=r"unet.model\.safetensors is truncated"):
        check_weights(str(folder))


def test_the_checksum_changes_with_weights_and_configuration(folder):
    sums = [weights_checksum(str(folder)), weights_checksum(str(folder))]
    save_file({"weight": torch.arange(100.0) + 1}, folder / "unet" / "model.safetensors")
    sums.append(weights_checksum(str(folder)))
    (folder / "config.json").write_text('{"layers": 2}')
    sums.append(weights_checksum(str(folder)))
    assert sums[0] == sums[1]
    assert len(set(sums)) == 3
