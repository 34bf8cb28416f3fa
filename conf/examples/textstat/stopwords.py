# SPDX-License-Identifier: MIT
"""English words that say nothing about what a text is about."""

ENGLISH = frozenset(
    """
    a about after all also an and any are as at be because been before being both but by can could
    did do does each for from had has have he her here him his how i if in into is it its just may
    me might more most must my no nor not now of off on once one only or other our out over own same
    she should so some such than that the their them then there these they this those through to too
    two under until up upon us very was way we were what when where which while who whose why will
    with would yet you your
    """.split()
)
