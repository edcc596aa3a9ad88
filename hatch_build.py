"""Compiles the modules that each event runs through, where a wheel is asked to have them compiled.

`make wheel`, or `HATCH_BUILD_HOOK_ENABLE_CUSTOM=1 pip wheel .`; without that variable the wheel is
pure. The source is the same: mypyc reads its types. What it gives: docs/performance.md.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SETUP = """
import sys
from mypyc.build import mypycify
from setuptools import setup

modules = mypycify(sys.argv[2:], opt_level="2", debug_level="0", group_name=sys.argv[1])
setup(ext_modules=modules, packages=[], script_args=["build_ext", "--build-lib", "built"])
"""


class CompiledModules(BuildHookInterface[Any]):
    """Adds the compiled modules to the wheel, beside their source; the checkout is not touched."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        self._folder = Path(tempfile.mkdtemp(prefix="mcp-shipper-compiled-"))
        shutil.copytree(Path(self.root, "shipper"), self._folder / "shipper")
        config = Path(self.root, "pyproject.toml")
        # Errors elsewhere are for `make check`: this environment lacks most libraries.
        options = ["--config-file", str(config), "--follow-imports", "silent"]
        words = [sys.executable, "-c", _SETUP, "shipper", *options, *self._modules()]
        made = subprocess.run(words, cwd=self._folder, capture_output=True, text=True, check=False)  # noqa: S603 - all words are ours
        if made.returncode:
            raise RuntimeError(f"mypyc cannot compile the modules:\n{made.stdout}{made.stderr}")
        built = self._folder / "built"
        files = {
            str(path): str(path.relative_to(built)) for path in built.rglob("*.*") if path.is_file()
        }
        build_data["force_include"].update(files)
        build_data |= {"pure_python": False, "infer_tag": True}

    def _modules(self) -> Iterator[str]:
        for pattern in self.config["modules"]:
            yield from sorted(
                str(path.relative_to(self._folder)) for path in self._folder.glob(pattern)
            )

    def finalize(self, version: str, _build_data: dict[str, Any], _artifact: str) -> None:
        if version != "editable":
            shutil.rmtree(self._folder, ignore_errors=True)
