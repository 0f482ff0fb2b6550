"""Builds the index of the specs that the wheel carries. Specs that break a rule stop the build."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":  # a checkout reads the TOML, so that a changed spec is seen at once
            return
        sys.path.insert(0, self.root)
        from hvrepl.catalog.build.rules import check_folders, read_tables
        from hvrepl.catalog.index import Index

        specs = Path(self.root, "specs")
        faults = check_folders([specs])
        if faults:
            raise ValueError("the specs break a rule:\n" + "\n".join(faults))
        target = Path(tempfile.mkdtemp(), "specs.sqlite")
        Index.build(*read_tables(specs), str(target)).database.close()
        build_data["force_include"][str(target)] = "hvrepl/specs.sqlite"
