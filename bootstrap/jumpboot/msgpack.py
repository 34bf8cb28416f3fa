# SPDX-License-Identifier: MIT
"""The msgpack package of the program's environment, by the name that Jumpboot gives it."""
import sys

from .requirement import need

sys.modules[__name__] = need("msgpack", "jumpboot.msgpack", "python3-msgpack")
