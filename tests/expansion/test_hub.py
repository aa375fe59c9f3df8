"""Pushing to the Hugging Face hub, without a network: the hub's client is replaced where it would send."""

import logging
from types import SimpleNamespace

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from guided_imagination.config.expansion import ExportConfig
from guided_imagination.data.dataset import checksum
from guided_imagination.expansion import hub
from guided_imagination.expansion.expand import expand
from guided_imagination.expansion.store import Expansion
from guided_imagination.pipelines.export import export as write
from guided_imagination.utils.errors import InputError
from helpers.settings import row
from helpers.toy import ToyAugmenter, dataset, plan

SEEDS = dataset([0, 1, 0, 1])


class Hub:
    """Notes what is asked of it; `fails` raises at a call of that name."""

    def __init__(self, monkeypatch, *, private=True, role="write", **fails):
        self.calls = []
        answers = {
            "whoami": {"name": "me", "auth": {"accessToken": {"role": role}}},
            "create_repo": None,
            "dataset_info": SimpleNamespace(private=private),
            "upload_folder": SimpleNamespace(commit_url="https://huggingface.co/datasets/org/toys/commit/1"),
        }
        for name, answer in answers.items():
            monkeypatch.setattr(HfApi, name, self.answering(name, answer, fails.get(name)))
        monkeypatch.setenv("HF_TOKEN", "hf_secret")

    def answering(self, name, answer, error):
        def method(api, *given, **named):
            self.calls.append((name, given, named))
            if error is not None:
                raise error
            return answer

        return method

    @property
    def names(self):
        return [name for name, *_ in self.calls]


@pytest.fixture
def expanded(tmp_path):
    expand(tmp_path / "made", plan(ToyAugmenter(), seeds=SEEDS, inputs={"seeds": checksum(SEEDS)}))
    return Expansion(tmp_path / "made")


def config(folder, **changes):
    return ExportConfig(
        **{
            "folder": str(folder / "out"),
            "methods": None,
            "formats": ["huggingface"],
            "test": False,
            "push_to_hub": "org/{dataset}-{method}",
            **changes,
        }
    )


def exported(expanded, tmp_path, **changes):
    return write(SEEDS, SEEDS, expanded, config(tmp_path, **changes), row())


def test_a_push_makes_a_private_repository_and_sends_the_folder_in_one_commit(expanded, tmp_path, monkeypatch):
    fake = Hub(monkeypatch)
    record = exported(expanded, tmp_path)["hub"]
    folder = tmp_path / "out/pets/gif_mae/huggingface"
    assert fake.calls == [
        ("whoami", (), {}),
        ("create_repo", ("org/pets-gif_mae",), {"repo_type": "dataset", "private": True, "exist_ok": True}),
        ("dataset_info", ("org/pets-gif_mae",), {}),
        (
            "upload_folder",
            (),
            {
                "repo_id": "org/pets-gif_mae",
                "folder_path": folder,
                "repo_type": "dataset",
                "commit_message": "Export of Guided Imagination",
                "delete_patterns": ["data/*.parquet"],  # or shards of an earlier push would be loaded too
            },
        ),
    ]
    assert record["commit"] == "https://huggingface.co/datasets/org/toys/commit/1"
    assert "hf_secret" not in str(record)


def test_a_dry_run_lists_what_would_go_and_asks_nothing(expanded, tmp_path, monkeypatch, caplog):
    fake = Hub(monkeypatch)
    monkeypatch.delenv("HF_TOKEN")
    caplog.set_level(logging.INFO)
    record = exported(expanded, tmp_path, dry_run=True)["hub"]
    assert fake.calls == []
    folder = tmp_path / "out/pets/gif_mae/huggingface"
    files = ["README.md", *(f"data/train-0000{shard}-of-00003.parquet" for shard in range(3)), "manifest.json"]
    sizes = {name: (folder / name).stat().st_size for name in files}
    assert record == {"repository": "org/pets-gif_mae", "private": True, "files": sizes, "commit": None}
    assert f"would send manifest.json ({sizes['manifest.json']} bytes)" in caplog.messages
    assert (
        "nothing was sent (export.dry_run) to the private dataset repository org/pets-gif_mae: 5 files" in caplog.text
    )


def test_without_a_repository_nothing_is_asked(expanded, tmp_path, monkeypatch):
    fake = Hub(monkeypatch)
    assert "hub" not in exported(expanded, tmp_path, push_to_hub=None)
    assert fake.calls == []


def test_without_a_token_nothing_is_written_anywhere(expanded, tmp_path, monkeypatch):
    fake = Hub(monkeypatch)
    monkeypatch.setattr(hub, "get_token", lambda: None)
    with pytest.raises(InputError, match="there is no Hugging Face token: set the environment variable HF_TOKEN"):
        exported(expanded, tmp_path)
    assert fake.calls == []
    assert not (tmp_path / "out").exists()


def test_a_token_that_may_only_read_is_refused(expanded, tmp_path, monkeypatch):
    fake = Hub(monkeypatch, role="read")
    with pytest.raises(InputError, match="the token is read-only"):
        exported(expanded, tmp_path)
    assert fake.names == ["whoami"]


NO_NETWORK = httpx2.ConnectError("[Errno -2] Name or service not known")


@pytest.mark.parametrize(("call", "error"), [("whoami", NO_NETWORK), ("upload_folder", httpx2.ReadTimeout("too slow"))])
def test_without_a_network_it_ends_in_one_sentence(expanded, tmp_path, monkeypatch, call, error):
    fake = Hub(monkeypatch, **{call: error})
    with pytest.raises(InputError) as caught:
        exported(expanded, tmp_path)
    assert str(error) in str(caught.value)
    assert str(caught.value).endswith("; nothing was committed")
    assert fake.names[-1] == call


def test_the_client_of_the_hub_itself_says_that_it_is_offline(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match="offline mode is enabled"):
        hub.check_access()
    with pytest.raises(InputError, match=r"org/toys cannot be written \(.*offline mode is enabled"):
        hub.push(tmp_path, "org/toys", True)


def test_a_name_that_the_hub_refuses_is_named_and_no_file_is_sent(tmp_path, monkeypatch):
    answer = httpx2.Response(403, request=httpx2.Request("POST", "https://huggingface.co/api/repos/create"))
    fake = Hub(monkeypatch, create_repo=HfHubHTTPError("You have no rights in the namespace org", response=answer))
    with pytest.raises(InputError, match=r"org/toys cannot be written \(You have no rights in the namespace org"):
        hub.push(tmp_path, "org/toys", True)
    assert fake.names == ["create_repo"]


@pytest.mark.parametrize(("found", "asked"), [(False, True), (True, False)])
def test_a_repository_of_other_visibility_gets_no_file(tmp_path, monkeypatch, found, asked):
    fake = Hub(monkeypatch, private=found)
    word = {True: "private", False: "public"}
    with pytest.raises(
        InputError, match=f"org/toys is there and {word[found]}, but export.private={str(asked).lower()}"
    ):
        hub.push(tmp_path, "org/toys", asked)
    assert "upload_folder" not in fake.names
