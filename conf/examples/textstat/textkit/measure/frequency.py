# SPDX-License-Identifier: MIT
"""How often words stand in a document."""
from collections import Counter

from stopwords import ENGLISH


def most_frequent(document, count):
    """[word, number] of the most frequent words, the stop words left out."""
    counter = Counter(word for word in document.words if word not in ENGLISH)
    return [[word, number] for word, number in counter.most_common(count)]
