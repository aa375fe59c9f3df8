"""An expansion on disk: parquet shards, then a manifest; a kill loses one shard at most."""

from guided_imagination.store.reading import Expansion as Expansion
from guided_imagination.store.reading import is_complete as is_complete
from guided_imagination.store.verifying import verify as verify
from guided_imagination.store.writing import write as write
