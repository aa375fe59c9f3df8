import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

import pytest
import torch
from huggingface_hub._tree_cache import TreeCacheEntry, read_tree_cache, write_tree_cache
from safetensors.torch import save_file

from guided_imagination.config.models import GuideConfig, MaeConfig, StableDiffusionConfig, StableUnclipConfig
from guided_imagination.data.sources.network import downloading
from guided_imagination.models.convert import convert
from guided_imagination.models.weights import (
    check_weights,
    found_locally,
    hub_patterns,
    locate,
    locate_whole,
    weights_checksum,
)
from guided_imagination.utils.errors import InputError
from guided_imagination.utils.network import NETWORK_ERROR

PRIOR = "kandinsky-community/kandinsky-2-2-prior"
REVISION = "9fc51ad5732afc5d031724219d22e6c42179c5a8"


def mae(model, revision=None):
    return MaeConfig(kind="mae", model=model, revision=revision, decoding="full")


def write(file, start=0.0):
    """Weights of 100 numbers, and never the same time of change twice."""
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({"weight": torch.arange(100.0) + start}, file)
    os.utime(file, ns=(time.time_ns(), time.time_ns()))


@pytest.fixture
def model(tmp_path):
    """What save_pretrained of transformers writes."""
    folder = tmp_path / "model"
    write(folder / "model.safetensors")
    (folder / "config.json").write_text('{"layers": 1}')
    return folder


@pytest.fixture
def pipeline(tmp_path):
    """What a pipeline of diffusers consists of, and things beside it that are not used."""
    folder = tmp_path / "pipeline"
    for name in ("unet", "vae", "safety_checker"):
        write(folder / name / "diffusion_pytorch_model.safetensors")
        (folder / name / "config.json").write_text("{}")
    (folder / "scheduler").mkdir()
    (folder / "scheduler" / "scheduler_config.json").write_text("{}")
    (folder / "model_index.json").write_text("{}")
    return folder


def test_whole_weights_are_accepted(model, pipeline):
    check_weights(model)
    check_weights(str(pipeline))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"no weights in .*nowhere"):
        check_weights(tmp_path / "nowhere")


@pytest.mark.parametrize("size", [0, 4, 100, -1])
def test_a_truncated_file_is_named(pipeline, size):
    file = pipeline / "unet" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(InputError, match=r"unet.diffusion_pytorch_model\.safetensors is truncated"):
        check_weights(pipeline)


def test_each_used_network_of_a_pipeline_needs_weights_of_its_own(pipeline):
    (pipeline / "vae" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(InputError, match=r"no weights in .*vae"):
        check_weights(pipeline)
    check_weights(pipeline, ["unet", "safety_checker"])


def test_pickled_weights_are_no_weights(model):
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(InputError, match="no weights in"):
        check_weights(model)


def test_every_shard_of_an_index_must_be_there(model):
    shards = [f"model-{part:05}-of-00002.safetensors" for part in (1, 2)]
    (model / "model.safetensors").rename(model / shards[0])
    index = {"weight_map": {"a": shards[0], "b": shards[1], "c": shards[1]}}
    (model / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(InputError, match=r"model-00002-of-00002\.safetensors is missing"):
        check_weights(model)
    write(model / shards[1])
    check_weights(model)


def test_the_checksum_changes_with_weights_configuration_and_tokenizer(model):
    sums = [weights_checksum(model), weights_checksum(str(model))]
    write(model / "model.safetensors", start=1)
    sums.append(weights_checksum(model))
    (model / "config.json").write_text('{"layers": 22}')
    sums.append(weights_checksum(model))
    (model / "merges.txt").write_text("a b")
    sums.append(weights_checksum(model))
    assert sums[0] == sums[1]
    assert len(set(sums)) == 4


def test_the_checksum_is_that_of_the_content_wherever_it_lies(hub, tmp_path):
    (snapshot,) = (hub / "models--CompVis--stable-diffusion-v1-4" / "snapshots").iterdir()
    copy = shutil.copytree(snapshot, tmp_path / "copy")  # files instead of links to blobs
    assert weights_checksum(copy) == weights_checksum(snapshot)
    # `hf download --local-dir` leaves its own notes
    (copy / ".cache" / "huggingface").mkdir(parents=True)
    (copy / ".cache" / "huggingface" / "note.json").write_text("{}")
    assert weights_checksum(copy) == weights_checksum(snapshot)


def test_weights_that_are_not_used_do_not_change_the_checksum(pipeline):
    networks = ["unet", "vae"]
    before = weights_checksum(pipeline, networks)
    (pipeline / "safety_checker" / "diffusion_pytorch_model.safetensors").unlink()
    write(pipeline / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    write(pipeline / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    write(pipeline / "v1-5-pruned.safetensors")
    assert weights_checksum(pipeline, networks) == before
    write(pipeline / "unet" / "diffusion_pytorch_model.safetensors", start=1)
    assert weights_checksum(pipeline, networks) != before


def test_a_folder_is_its_own_place(model, tmp_path):
    assert locate(mae(str(model)), tmp_path / "hub") == model


@pytest.mark.parametrize("name", ["/no/such/place", "./here", "../there", "gpt2", "a/b/c", "~/models"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr("guided_imagination.models.weights.snapshot_download", None)  # the hub is not asked
    with pytest.raises(InputError, match=f"no folder {name}: expected a folder"):
        locate(mae(name), tmp_path)


def test_files_put_by_hand_come_before_the_hubs_cache(model, tmp_path, offline):
    by_hand = tmp_path / "hub" / "facebook" / "vit-mae-base"
    shutil.copytree(model, by_hand)
    assert locate(mae("facebook/vit-mae-base"), tmp_path / "hub") == by_hand


def test_pinned_revisions_branches_and_pull_requests_are_found_in_the_cache(offline, tmp_path):
    assert locate(GuideConfig(model=PRIOR, revision=REVISION), tmp_path).name == REVISION
    large = locate(mae("facebook/vit-mae-large", "refs/pr/1"), tmp_path)
    check_weights(large)
    assert offline in large.parents
    config = StableUnclipConfig.model_construct(model="sd2-community/stable-diffusion-2-1-unclip-small", revision=None)
    unpinned = locate(config, tmp_path)
    assert (unpinned / "model_index.json").is_file()


def test_the_hub_is_not_asked_for_what_was_left_out_of_a_download(hub, tmp_path, monkeypatch):
    """After a real download the cache knows of all files of the repository, also of those that were not wanted."""
    cache = shutil.copytree(hub, tmp_path / "cache", symlinks=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.HfApi.repo_info", None)
    monkeypatch.setattr("huggingface_hub.HfApi.list_repo_tree", None)
    repository = cache / "models--sd2-community--stable-diffusion-2-1-unclip-small"
    (commit,) = (folder.name for folder in (repository / "snapshots").iterdir())
    unwanted = TreeCacheEntry(size=1, blob_id="0" * 40, lfs_sha256=None, lfs_size=None, xet_hash=None)
    write_tree_cache(str(repository), commit, {"sd21-unclip-l.ckpt": unwanted})
    assert read_tree_cache(str(repository), commit) is not None
    config = StableUnclipConfig.model_construct(model="sd2-community/stable-diffusion-2-1-unclip-small", revision=None)
    assert locate(config, tmp_path).name == commit


@pytest.mark.parametrize(
    ("config", "file", "named"),
    [
        (GuideConfig(model=PRIOR, revision=REVISION), "tokenizer/merges.txt", "no tokenizer in"),
        (
            GuideConfig(model=PRIOR, revision=REVISION),
            "image_processor/preprocessor_config.json",
            "no image_processor in",
        ),
        (GuideConfig(model="openai/clip-vit-base-patch32"), "tokenizer.json", "no tokenizer in"),
        (mae("facebook/vit-mae-base"), "preprocessor_config.json", "no image_processor in"),
        (GuideConfig(model="google/siglip-base-patch16-224"), "spiece.model", "no tokenizer in"),
        (
            StableDiffusionConfig.model_construct(model="CompVis/stable-diffusion-v1-4", revision=None),
            "scheduler/scheduler_config.json",
            "no scheduler in",
        ),
    ],
)
def test_a_snapshot_without_a_companion_is_completed_or_what_is_missing_is_named(
    hub, tmp_path, monkeypatch, config, file, named
):
    repository = f"models--{config.model.replace('/', '--')}"
    shutil.copytree(hub / repository, tmp_path / "cache" / repository, symlinks=True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    (snapshot,) = (tmp_path / "cache" / repository / "snapshots").iterdir()
    content = (snapshot / file).read_bytes()
    config = config.model_copy(update={"revision": snapshot.name})
    assert locate(config, tmp_path) == snapshot
    (snapshot / file).unlink()

    def answer(*_, local_files_only=False, **__):
        if not local_files_only and online:
            (snapshot / file).write_bytes(content)
        return str(snapshot)

    monkeypatch.setattr("guided_imagination.models.weights.snapshot_download", answer)
    online = False
    with pytest.raises(InputError, match=named):
        locate(config, tmp_path)
    online = True
    assert locate(config, tmp_path) == snapshot
    assert (snapshot / file).read_bytes() == content


def test_what_is_missing_is_told_at_once_with_the_command_that_gets_it(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "empty"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    start = time.monotonic()
    with pytest.raises(InputError) as error:
        locate(GuideConfig(model=PRIOR, revision=REVISION), tmp_path / "hub")
    assert time.monotonic() - start < 1
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"the model {PRIOR} is not on this machine (HF_HUB_OFFLINE is set): get it by `hf ")
    assert message.endswith(f"or place its files in {tmp_path / 'hub' / PRIOR}")
    words = shlex.split(message.split("`")[1])
    assert words[:5] == ["hf", "download", PRIOR, "--revision", REVISION]
    empty = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path / "empty")}
    program = [sys.executable, "-m", "huggingface_hub.cli.hf", *words[1:]]
    answer = subprocess.run(program, env=empty, capture_output=True, text=True, check=False)
    assert "offline mode is enabled" in answer.stderr  # the hub's own program understands the words and would begin


def test_without_a_network_the_sentence_is_the_same(tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise ConnectionError("Name or service not known\nand much more")

    monkeypatch.setattr("guided_imagination.models.weights.snapshot_download", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    with pytest.raises(InputError, match=r"not on this machine \(Name or service not known\): get it by `hf download"):
        locate(mae("facebook/vit-mae-base"), tmp_path)


def test_a_proxy_that_refuses_is_no_network_too(tmp_path, monkeypatch):
    """What the hub's HTTP library raises is no OSError."""

    def refuse(*_, **__):
        raise NETWORK_ERROR("403 Forbidden")

    monkeypatch.setattr("guided_imagination.models.weights.snapshot_download", refuse)
    with pytest.raises(InputError, match=r"not on this machine \(403 Forbidden\)"), monkeypatch.context() as patch:
        patch.setattr("guided_imagination.models.weights._cached", lambda *_: None)
        locate(mae("facebook/vit-mae-base"), tmp_path)
    with (
        pytest.raises(InputError, match="birds cannot be downloaded from the hub \\(403"),
        downloading("birds", "the hub", "x"),
    ):
        refuse()


def test_a_folder_of_another_machine_is_not_here(tmp_path):
    assert not found_locally(mae("/home/alice/models/mae"), tmp_path)


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
def test_a_broken_index_is_named(tmp_path, content):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(InputError, match=r"model.safetensors.index.json is not an index of weights"):
        check_weights(tmp_path)


def wanted(config, files):
    """What the hub would send of a repository's files: its patterns' `*` stands for slashes too."""
    return [file for file in files if any(fnmatch(file, pattern) for pattern in hub_patterns(config))]


def test_only_what_is_used_is_downloaded():
    config = StableDiffusionConfig.model_construct(model="CompVis/stable-diffusion-v1-4")
    used = [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors",
    ]
    unused = [
        "sd-v1-4.ckpt",
        "sd-v1-4-full-ema.safetensors",
        "safety_checker/model.safetensors",
        "text_encoder/model.fp16.safetensors",
        "text_encoder/pytorch_model.bin",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.fp16.bin",
        "vae/diffusion_flax_model.msgpack",
    ]
    assert wanted(config, used + unused) == used


def test_of_a_guide_in_a_pipeline_only_the_encoders_and_of_a_model_only_its_top_are_downloaded():
    prior = ["image_encoder/model.safetensors", "prior/diffusion_pytorch_model.safetensors", "tokenizer/vocab.json"]
    clip = ["model.safetensors", "pytorch_model.bin", "onnx/model.onnx", "preprocessor_config.json", "spiece.model"]
    config = GuideConfig(model=PRIOR)
    assert wanted(config, prior) == [prior[0], prior[2]]
    assert wanted(config, clip) == [clip[0], clip[3], clip[4]]
    assert wanted(mae("facebook/vit-mae-base"), ["model.safetensors", "unet/model.safetensors"]) == [
        "model.safetensors"
    ]


def test_a_variant_is_downloaded_checked_and_loaded_instead_of_the_full_weights(pipeline, tmp_path):
    config = StableDiffusionConfig.model_construct(model=str(pipeline), variant="fp16")
    files = ["model_index.json", "unet/diffusion_pytorch_model.safetensors", "vae/config.json"]
    halves = ["unet/diffusion_pytorch_model.fp16.safetensors", "text_encoder/model.fp16.safetensors"]
    assert wanted(config, [*files, *halves]) == ["model_index.json", "vae/config.json", *halves]
    write(pipeline / "text_encoder" / "model.fp16.safetensors")
    with pytest.raises(InputError, match=r"unet: expected \*\.fp16\.safetensors, but there are files without"):
        locate_whole(config, tmp_path)
    whole = weights_checksum(pipeline, ["unet", "vae"])
    for name in ("unet", "vae"):
        write(pipeline / name / "diffusion_pytorch_model.fp16.safetensors", 7.0)
    check_weights(pipeline, ["unet", "vae"], "fp16")
    assert weights_checksum(pipeline, ["unet", "vae"]) == whole
    assert weights_checksum(pipeline, ["unet", "vae"], "fp16") != whole


def test_a_mirror_that_agrees_with_the_checksums_is_accepted_and_no_other(model, tmp_path):
    sums = {"model.safetensors": hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()}
    listed = mae(str(model)).model_copy(update={"checksums": sums})
    assert locate_whole(listed, tmp_path) == model
    write(model / "model.safetensors", 1.0)
    with pytest.raises(InputError, match=r"model.safetensors does not match `checksums`: its SHA-256 is"):
        locate_whole(listed, tmp_path)
    missing = mae(str(model)).model_copy(update={"checksums": {"vae/x.safetensors": "0" * 64}})
    with pytest.raises(InputError, match=r"vae/x.safetensors is missing, which `checksums` names"):
        locate_whole(missing, tmp_path)


def test_where_only_a_pickle_lies_the_sentence_says_how_to_convert_it(tmp_path):
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError) as error:
        check_weights(tmp_path)
    *command, file = shlex.split(str(error.value).split("`")[1])
    assert command == ["python", "-m", convert.__module__]
    convert(Path(file))
    check_weights(tmp_path)
