"""Seeds and keys made of names; imports nothing heavy, so that settings can have keys."""

import hashlib


def derive_seed(*parts: object) -> int:
    """A seed in [0, 2**63) from anything that can be printed.

    The same parts give the same seed on every machine and in every order of work, so that
    batching, sharding, resuming and the number of workers never change a result.
    """
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
