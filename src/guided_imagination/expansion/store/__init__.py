"""An expansion on disk: parquet shards, then a manifest; a kill loses one shard at most."""

from guided_imagination.expansion.store.reader import Expansion as Expansion
from guided_imagination.expansion.store.reader import is_complete as is_complete
from guided_imagination.expansion.store.verify import verify as verify
from guided_imagination.expansion.store.writer import write as write
