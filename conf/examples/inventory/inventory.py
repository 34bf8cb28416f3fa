"""Tells what is installed in the environment that it runs in."""
import sys
from importlib import import_module, metadata


def where() -> dict:
    """The environment, and the Python in it."""
    return {"prefix": sys.prefix, "executable": sys.executable,
            "python": "%d.%d.%d" % sys.version_info[:3]}


def packages() -> dict:
    """Installed packages and their versions."""
    return {found.metadata["Name"]: found.version for found in metadata.distributions()}


def version(name: str) -> str:
    """The version of one."""
    return metadata.version(name)


def file_of(module: str) -> str:
    """Where a module comes from."""
    return import_module(module).__file__
