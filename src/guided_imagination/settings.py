"""Kedro project settings: https://docs.kedro.org/en/stable/configure/configuration_basics/"""

from importlib.resources import files

from kedro.config import OmegaConfigLoader

from guided_imagination.hooks import ProjectHooks

HOOKS = (ProjectHooks(),)
CONFIG_LOADER_CLASS = OmegaConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    # an environment names only what it changes
    "merge_strategy": {"parameters": "soft"},
    "custom_resolvers": {
        # `${embedded:clip}` is the folder of a model that ships in the package
        "embedded": lambda path="": str(files("guided_imagination") / "embedded" / path),
    },
}
