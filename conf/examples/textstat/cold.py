# SPDX-License-Identifier: MIT
"""The work of text.summary as a script of its own: python3 cold.py FILE."""
import json
import sys

import textkit

print(json.dumps(textkit.summarize(sys.argv[1])))
