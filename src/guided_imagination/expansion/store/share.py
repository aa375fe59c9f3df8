"""A part of the shards, for one of several independent processes that write the same expansion."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """The `number`th (from 1) of `of` parts."""

    number: int = 1
    of: int = 1

    @property
    def suffix(self) -> str:
        """Of the names of what each process has for itself: its lock and its journal."""
        return f"-{self.number}of{self.of}" if self.of > 1 else ""

    def has(self, shard: int) -> bool:
        """Whether this process makes the shard."""
        return shard % self.of == self.number - 1


WHOLE = Share()
