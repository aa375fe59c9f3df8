from guided_imagination.pipelines.train.pipeline import ZERO_SHOT as ZERO_SHOT
from guided_imagination.pipelines.train.pipeline import create_pipeline as create_pipeline
