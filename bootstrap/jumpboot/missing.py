# SPDX-License-Identifier: MIT
"""A hint for an import that fails although the file is there: on disk, but not in the program."""
import os


class Beside:
    """What lies in the folder of the main module's file."""

    def __init__(self, main_path):
        self._main_path = main_path if os.path.isabs(main_path) else None

    def hint(self, error):
        """What to do about the import that failed, or None if the error is something else."""
        name = getattr(error, "name", None)
        if self._main_path is None or not isinstance(error, ModuleNotFoundError):
            return None
        if not isinstance(name, str) or not name.isidentifier():
            return None
        stem = os.path.join(os.path.dirname(self._main_path), name)
        for path, what, option in ((stem + ".py", "file %s.py" % name, "modules"),
                                   (stem, "folder %s" % name, "packages")):
            if os.path.isfile(path) if option == "modules" else os.path.isdir(path):
                return ('a %s lies beside %s, but is not embedded: add it to "%s" in the program '
                        'set' % (what, os.path.basename(self._main_path), option))
        return None
