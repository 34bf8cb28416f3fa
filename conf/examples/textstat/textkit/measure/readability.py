# SPDX-License-Identifier: MIT
"""How hard a document is to read."""
import re
from statistics import fmean

from ..document import Document

_VOWELS = re.compile(r"[aeiouy]+")


def syllables(word):
    """An estimate: groups of vowels, a silent e at the end not counted."""
    groups = len(_VOWELS.findall(word))
    if groups > 1 and word.endswith("e") and not word.endswith("le"):
        groups -= 1
    return max(groups, 1)


def flesch(document: Document):
    """The reading ease, with words per sentence and syllables per word."""
    if not document.words:
        raise ValueError("there is no word in this text")
    per_sentence = len(document.words) / len(document.sentences)
    per_word = fmean(map(syllables, document.words))
    ease = 206.835 - 1.015 * per_sentence - 84.6 * per_word
    return {
        "ease": round(ease, 1),
        "words_per_sentence": round(per_sentence, 1),
        "syllables_per_word": round(per_word, 2),
    }
