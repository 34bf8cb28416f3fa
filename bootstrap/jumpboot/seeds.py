# SPDX-License-Identifier: MIT
"""Random numbers of each worker's own, for the modules that keep a generator of their own.

Each kind is made once, in the template. seed() is what a worker calls, and the template rehearses
it if can_rehearse.
"""
import array
import os
import sys

_STATE_WORDS = 624  # of a Mersenne twister
_WORD_SIZE = 4
_STATE_SIZE = _STATE_WORDS * _WORD_SIZE


class _Random:
    can_rehearse = True

    def __init__(self, module, libc):
        self._module = module

    def seed(self):
        module = self._module
        super(module.Random, module._inst).seed()  # without the Python code of seed()
        module._inst.gauss_next = None


class _Numpy:
    """Has the state that its seed() would set, without the arrays for which that uses a lot of
    numpy: where the words lie, random ones are put there."""

    can_rehearse = True

    def __init__(self, module, libc):
        self._module = module
        self._libc = libc
        self._address = self._find_state()

    def _find_state(self):
        """Where numpy says that its words are, if they are there; None: nowhere."""
        try:
            words = self._set_state()
            self._generator = self._module.mtrand._rand._bit_generator  # keeps them there
            address = self._generator.ctypes.state_address
            found = self._libc.read(address, _STATE_SIZE + _WORD_SIZE)
            place = array.array("I", (_STATE_WORDS,))  # all words are used up
            return address if found == words.tobytes() + place.tobytes() else None
        except Exception:  # the program uses another generator, or this is an unknown numpy
            return None

    def _set_state(self):
        words = array.array("I", os.urandom(_STATE_SIZE))
        words[0] = 0x80000000  # so that not all are 0
        self._module.set_state(("MT19937", words, _STATE_WORDS))
        return words

    def seed(self):
        """All words but the first one, which is as it was set."""
        if self._address is not None and self._libc.put_random(
                self._address + _WORD_SIZE, _STATE_SIZE - _WORD_SIZE):
            return
        try:
            self._set_state()
        except Exception:
            self._module.seed()


class _Torch:
    can_rehearse = False  # it may start threads

    def __init__(self, module, libc):
        self._module = module

    def seed(self):
        self._module.seed()


_KINDS = (("random", _Random), ("numpy.random", _Numpy), ("torch.random", _Torch))


def find_seeds(libc):
    """[(the name of a module that is imported, its kind)]"""
    return [(name, kind(sys.modules[name], libc)) for name, kind in _KINDS if name in sys.modules]
