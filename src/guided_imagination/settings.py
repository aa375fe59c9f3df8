"""Kedro project settings: https://docs.kedro.org/en/stable/configure/configuration_basics/"""

from guided_imagination.config.defaults import embedded
from guided_imagination.hooks import ProjectHooks
from guided_imagination.pipelines.configuration import ConfigLoader


def _pretrain(key: str) -> str:
    """`${pretrain:output}` in the catalog is what the nodes are told, wherever it was set."""
    from guided_imagination.pipeline_registry import pretraining  # which needs these settings

    return str(getattr(pretraining(), key))


HOOKS = (ProjectHooks(),)
CONFIG_LOADER_CLASS = ConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # an environment names only what it changes
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        # `${embedded:fashion/clip}` is the folder of a model that ships in the package
        "embedded": embedded,
        "pretrain": _pretrain,
    },
}
