"""Beside pyproject.toml: a wheel holds conf/ and notebooks/, which `guided-imagination new` copies."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConf(build_py):
    """An editable installation needs none of it: it reads those of the checkout."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        for name in ("conf", "notebooks"):
            target = Path(self.build_lib) / "guided_imagination" / "embedded" / "project" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(name, target, ignore=shutil.ignore_patterns("local", ".*"))


setup(cmdclass={"build_py": BuildWithConf})
