"""Downloads that fail in one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException

from guided_imagination.utils.errors import InputError
from guided_imagination.utils.network import NETWORK_ERROR


@contextmanager
def downloading(what: str, origin: str, folder: object) -> Iterator[None]:
    """Turn the errors of urllib, requests and the hub's client into an InputError.

    It names the file, where it comes from, and the folder where it may be put by hand.
    """
    try:
        yield
    except (OSError, HTTPException, NETWORK_ERROR) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{what} cannot be downloaded from {origin} ({reason.rstrip('.')}): "
            f"run again with a network, or place it in {folder} manually"
        ) from error
