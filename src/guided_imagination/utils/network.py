"""What goes wrong on the way to the hub."""

from typing import Any

from huggingface_hub.errors import HfHubHTTPError

# of the HTTP library that the hub's client is built on: no network, a proxy that refuses, no answer in time
NETWORK_ERROR: type[Any] = HfHubHTTPError.__bases__[0]
