# SPDX-License-Identifier: MIT
import os, sys
if sys.version_info < (3, 9):
    sys.exit("jumpboot needs Python 3.9 or newer: %s is %s" % (sys.executable, sys.version[:6]))
def o(h, m="r"):
    return os.fdopen(h, m, 1 if m == "w" else -1, **({} if "b" in m else {"encoding": "utf-8"}))
sys.__jbo = o
with o({{BOOTSTRAP_FD}}, "rb") as f:
    t = f.read()
exec(compile(t, "<jumpboot bootstrap>", "exec"), {"__name__": "__jumpboot__", "TEXT": t})
