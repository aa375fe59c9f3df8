"""An exported folder on the Hugging Face hub: sent in one commit, so that all of it is there or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import HfApi, get_token

from guided_imagination.utils.errors import InputError, first_line
from guided_imagination.utils.network import NETWORK_ERROR

# of an earlier push: those that the new one lacks are deleted, or they would be loaded with it
OURS = ["data/*.parquet"]


def contents(folder: Path) -> dict[str, int]:
    """What would be sent: sizes in bytes by path below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def check_access() -> None:
    """Whether the hub can be reached and takes our token, which is in HF_TOKEN or was left by `hf auth login`.

    Raises InputError if not, or if the token may only read. Nothing is written.
    """
    if get_token() is None:
        raise InputError(
            "export.push_to_hub: there is no Hugging Face token: set the environment variable HF_TOKEN to one with "
            "write access, or run `hf auth login`"
        )
    with _explained("the hub cannot be asked whose token it is"):
        token = HfApi().whoami().get("auth", {}).get("accessToken", {})
    if token.get("role") == "read":
        raise InputError(
            "export.push_to_hub: the token is read-only: "
            "create one with write access at https://huggingface.co/settings/tokens"
        )


def push(folder: Path, repository: str, private: bool) -> str:
    """Send `folder` to a dataset repository `org/name`, made if it is not there; returns the address of the commit.

    Raises InputError, and then has committed nothing, if the hub cannot be reached or refuses, and if the repository is
    there already and public though `private` is asked, or the other way round.
    """
    api = HfApi()
    with _explained(f"{repository} cannot be written"):
        api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
        # the hub leaves a repository that is there as it is
        found = bool(api.dataset_info(repository).private)
    if found != private:
        raise InputError(
            f"export.push_to_hub: {repository} is there and {_word(found)}, but export.private={str(private).lower()} "
            f"asks for a {_word(private)} one: change its visibility on the hub, or set "
            f"export.private={str(found).lower()}"
        )
    with _explained(f"{repository} cannot be written"):
        commit = api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            repo_type="dataset",
            commit_message="Export of Guided Imagination",
            delete_patterns=OURS,
        )
    return str(commit.commit_url)


def _word(private: bool) -> str:
    return "private" if private else "public"


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the hub's client raises into an InputError."""
    try:
        yield
    except (OSError, ValueError, NETWORK_ERROR) as error:
        raise InputError(f"export.push_to_hub: {what} ({first_line(error)}); nothing was committed") from error
