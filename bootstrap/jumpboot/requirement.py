# SPDX-License-Identifier: MIT
"""What a program needs of the environment that it runs in, and how to get it there."""
import importlib
import sys


def need(module, what, debian):
    """Imports a module that is not ours to bring; the error says who needs it, and how to install
    it. Nothing is installed by itself."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        name = module.partition(".")[0]
        raise ModuleNotFoundError(
            "%s needs %s, which is not in the environment of this program: install it there with "
            "'%s -m pip install %s', or with the package %s if it is that of Debian or Ubuntu"
            % (what, name, sys.executable, name, debian), name=name) from None
