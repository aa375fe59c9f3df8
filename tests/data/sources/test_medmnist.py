import shutil

import medmnist
import pytest

from guided_imagination.config.datasets import MedmnistSource
from guided_imagination.data.images import decode
from guided_imagination.data.sources import open_source
from guided_imagination.utils.errors import InputError
from helpers.fabricate import accept_medmnist, md5, medmnist_file, served


def opened(root, name="breastmnist", **settings):
    return open_source(MedmnistSource(kind="medmnist", name=name, root=str(root), **settings))


def refusal(*arguments, **settings):
    with pytest.raises(InputError) as caught:
        opened(*arguments, **settings)
    return str(caught.value)


def test_names_are_those_of_the_package_in_label_order(tmp_path, monkeypatch):
    accept_medmnist("organsmnist", medmnist_file(tmp_path, "organsmnist"), monkeypatch)
    source = opened(tmp_path, "organsmnist")
    assert source.classes[:2] == ["bladder", "femur-left"]
    assert source.classes[10] == "spleen"  # label "10" comes last, not after "1"
    assert source.parts["val"]().labels.tolist() == [*range(11), *range(11)]


def test_a_file_with_another_checksum_is_refused_and_kept(tmp_path):
    file = medmnist_file(tmp_path, "breastmnist")
    content = file.read_bytes()
    message = refusal(tmp_path)
    assert f"{file} is not MedMNIST's official file" in message
    assert f"instead of {medmnist.INFO['breastmnist']['MD5']}" in message
    assert f"source: {{kind: npz, path: {file}}}" in message
    assert file.read_bytes() == content


def test_sizes_have_files_of_their_own(tmp_path, monkeypatch):
    info = medmnist.INFO["breastmnist"]
    monkeypatch.setitem(medmnist.INFO, "breastmnist", {**info, "url_64": "http://127.0.0.1:9/breastmnist_64.npz"})
    assert "breastmnist_64.npz cannot be downloaded" in refusal(tmp_path, size=64)


def test_without_a_network_file_address_and_folder_are_named(tmp_path, monkeypatch):
    url = "http://127.0.0.1:9/breastmnist.npz"
    monkeypatch.setitem(medmnist.INFO, "breastmnist", {**medmnist.INFO["breastmnist"], "url": url})
    message = refusal(tmp_path / "raw")
    assert f"breastmnist.npz cannot be downloaded from {url}" in message
    assert f"place it in {tmp_path / 'raw'} manually" in message


def test_a_download_is_used_when_it_is_whole(tmp_path, monkeypatch):
    official = medmnist_file(tmp_path / "web", "breastmnist")
    accept_medmnist("breastmnist", official, monkeypatch)
    # what an interrupted download has left
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "breastmnist.npz.partial").write_bytes(official.read_bytes()[:100])
    with served(tmp_path / "web") as address:
        info = {**medmnist.INFO["breastmnist"], "url": f"{address}/breastmnist.npz"}
        monkeypatch.setitem(medmnist.INFO, "breastmnist", info)
        assert opened(tmp_path / "raw").classes == ["malignant", "normal, benign"]
    assert [file.name for file in (tmp_path / "raw").iterdir()] == ["breastmnist.npz"]


def test_a_download_with_another_checksum_is_refused(tmp_path, monkeypatch):
    medmnist_file(tmp_path / "web", "breastmnist")
    with served(tmp_path / "web") as address:
        info = {**medmnist.INFO["breastmnist"], "url": f"{address}/breastmnist.npz"}
        monkeypatch.setitem(medmnist.INFO, "breastmnist", info)
        assert "has another checksum than" in refusal(tmp_path / "raw")
    assert not (tmp_path / "raw" / "breastmnist.npz").exists()


def test_an_unknown_name_is_told_the_known_ones(tmp_path):
    message = refusal(tmp_path, "brainmnist")
    assert "no dataset 'brainmnist'" in message
    assert "pathmnist" in message


def test_the_repackaged_file_is_not_the_official_one(tmp_path, breast):
    shutil.copy(breast, tmp_path / "breastmnist.npz")
    assert "is not MedMNIST's official file" in refusal(tmp_path)


@pytest.mark.parametrize("size", [28, 64, 128, 224])
@pytest.mark.parametrize("name", ["bloodmnist", "breastmnist"])  # in colour, and grey
def test_every_size_is_read_and_has_its_own_checksum(tmp_path, monkeypatch, name, size):
    file = medmnist_file(tmp_path, name, size)
    assert f"is not MedMNIST's official file (md5 {md5(file)}" in refusal(tmp_path, name, size=size)
    accept_medmnist(name, file, monkeypatch, size)
    source = opened(tmp_path, name, size=size)
    part = source.parts["train"]()
    assert decode(part.load(0)).size == (size, size)
    assert len(part.ids) == len(source.classes)
