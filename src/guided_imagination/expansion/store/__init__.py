"""A folder of parquet shards and a manifest, written shard by shard: a kill loses one at most.

It takes a fingerprint, a number of shards and their tables, and knows nothing of what is in them.
"""

from guided_imagination.expansion.store.manifest import describe_machine as describe_machine
from guided_imagination.expansion.store.manifest import find as find
from guided_imagination.expansion.store.manifest import found as found
from guided_imagination.expansion.store.manifest import keep_file as keep_file
from guided_imagination.expansion.store.manifest import kept_file as kept_file
from guided_imagination.expansion.store.manifest import spent as spent
from guided_imagination.expansion.store.reader import MANIFEST as MANIFEST
from guided_imagination.expansion.store.reader import Expansion as Expansion
from guided_imagination.expansion.store.reader import Image as Image
from guided_imagination.expansion.store.reader import is_complete as is_complete
from guided_imagination.expansion.store.reader import read_manifest as read_manifest
from guided_imagination.expansion.store.verify import verify as verify
from guided_imagination.expansion.store.writer import Made as Made
from guided_imagination.expansion.store.writer import compared as compared
from guided_imagination.expansion.store.writer import write as write
