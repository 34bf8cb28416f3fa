# SPDX-License-Identifier: MIT
"""The measures of a document that belong on one line."""
from .document import read
from .measure import frequency, readability


def summarize(path):
    """Size, most frequent words and reading ease of the file."""
    document = read(path)
    return {
        "words": len(document.words),
        "sentences": len(document.sentences),
        "reading_ease": readability.flesch(document)["ease"],
        "most_frequent": [word for word, _ in frequency.most_frequent(document, 3)],
    }
