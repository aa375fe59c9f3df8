"""Every parameter of the project, typed: what is unknown or impossible is refused before any work starts.

The other modules of the library import settings from the modules here; nothing here imports torch.
"""

from guided_imagination.config.checking import check as check
from guided_imagination.config.expansion import Preset as Preset
from guided_imagination.config.expansion import RejectConfig as RejectConfig
from guided_imagination.config.parameters import Parameters as Parameters
from guided_imagination.config.training import Architecture as Architecture
from guided_imagination.config.training import Recipe as Recipe
