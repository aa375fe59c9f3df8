"""Every parameter of the project, typed: what is unknown or impossible is refused before any work starts.

The other modules of the library import settings from here; nothing here imports torch.
"""

from guided_imagination.config.augmentation import AUGMENT as AUGMENT
from guided_imagination.config.augmentation import AugmentConfig as AugmentConfig
from guided_imagination.config.augmentation import CutoutConfig as CutoutConfig
from guided_imagination.config.augmentation import GridMaskConfig as GridMaskConfig
from guided_imagination.config.augmentation import RandAugmentConfig as RandAugmentConfig
from guided_imagination.config.checking import check as check
from guided_imagination.config.datasets import DatasetSpec as DatasetSpec
from guided_imagination.config.expansion import AdaptConfig as AdaptConfig
from guided_imagination.config.expansion import AuditConfig as AuditConfig
from guided_imagination.config.expansion import ExpandConfig as ExpandConfig
from guided_imagination.config.expansion import Expander as Expander
from guided_imagination.config.expansion import ExpandPipeline as ExpandPipeline
from guided_imagination.config.expansion import ExportConfig as ExportConfig
from guided_imagination.config.expansion import ImageFileConfig as ImageFileConfig
from guided_imagination.config.expansion import Preset as Preset
from guided_imagination.config.expansion import RejectConfig as RejectConfig
from guided_imagination.config.guidance import CRITERION_RANGES as CRITERION_RANGES
from guided_imagination.config.guidance import MOVE_RANGES as MOVE_RANGES
from guided_imagination.config.guidance import Criteria as Criteria
from guided_imagination.config.guidance import CriterionName as CriterionName
from guided_imagination.config.guidance import Guidance as Guidance
from guided_imagination.config.methods import Method as Method
from guided_imagination.config.methods import Methods as Methods
from guided_imagination.config.methods import changing_recipe as changing_recipe
from guided_imagination.config.models import ONE_WORKER as ONE_WORKER
from guided_imagination.config.models import ComputeConfig as ComputeConfig
from guided_imagination.config.models import GeneratorConfig as GeneratorConfig
from guided_imagination.config.models import GuideConfig as GuideConfig
from guided_imagination.config.models import MaeConfig as MaeConfig
from guided_imagination.config.models import PretrainedModel as PretrainedModel
from guided_imagination.config.models import StableDiffusionConfig as StableDiffusionConfig
from guided_imagination.config.models import StableUnclipConfig as StableUnclipConfig
from guided_imagination.config.models import UnclipConfig as UnclipConfig
from guided_imagination.config.parameters import Parameters as Parameters
from guided_imagination.config.pretraining import PretrainConfig as PretrainConfig
from guided_imagination.config.report import PlanConfig as PlanConfig
from guided_imagination.config.report import ReportConfig as ReportConfig
from guided_imagination.config.rows import ORIGINALS as ORIGINALS
from guided_imagination.config.rows import AdaptSettings as AdaptSettings
from guided_imagination.config.rows import Audited as Audited
from guided_imagination.config.rows import DatasetSettings as DatasetSettings
from guided_imagination.config.rows import ExpansionSettings as ExpansionSettings
from guided_imagination.config.rows import RowSettings as RowSettings
from guided_imagination.config.rows import Shared as Shared
from guided_imagination.config.rows import TrainingSettings as TrainingSettings
from guided_imagination.config.rows import place_of as place_of
from guided_imagination.config.strict import merged as merged
from guided_imagination.config.training import Architecture as Architecture
from guided_imagination.config.training import Recipe as Recipe
from guided_imagination.config.training import SoftLabels as SoftLabels
from guided_imagination.config.training import TrainConfig as TrainConfig
from guided_imagination.config.training import TuneConfig as TuneConfig
