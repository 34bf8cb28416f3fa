# SPDX-License-Identifier: MIT
"""What a text is like: its most frequent words, its size, how hard it is to read."""
import jumpboot
import textkit
from textkit.measure import frequency, readability


def words(path: str, count: int = jumpboot.word_count) -> list:
    """The most frequent words of the file that carry a meaning, with their numbers."""
    return frequency.most_frequent(textkit.read(path), count)


def reading(path: str) -> dict:
    """Reading ease after Flesch (100 is very easy, 0 very hard), and what it is made of."""
    return readability.flesch(textkit.read(path))


def summary(path: str) -> dict:
    """Size, most frequent words and reading ease of the file, in one answer."""
    return textkit.summarize(path)
