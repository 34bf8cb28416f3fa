# SPDX-License-Identifier: MIT
# Given to python3 -I -c: the modules, and what they are to do, come as JSON in a descriptor.
import importlib.abc
import importlib.util
import json
import sys

with open(int(sys.argv[1]), encoding="utf-8") as file:
    GIVEN = json.load(file)


class Texts(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name in GIVEN["modules"]:
            return importlib.util.spec_from_loader(name, self, is_package=name == "envtool")
        return None

    def get_source(self, name):
        return GIVEN["modules"][name]


sys.meta_path.insert(0, Texts())
import envtool.main  # noqa: E402

sys.exit(envtool.main.run(GIVEN["job"]))
