# SPDX-License-Identifier: MIT
"""What jumpbootctl env does to the store of environments.

An environment is made in its final place, since none can be moved, and is one from its last step on,
when it gets its marker. The lock of its name is held meanwhile. Whoever comes next removes what has
a lock that nobody holds, and no marker.
"""
