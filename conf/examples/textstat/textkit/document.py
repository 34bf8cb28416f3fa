# SPDX-License-Identifier: MIT
"""A text, cut into sentences and words."""
import re
from dataclasses import dataclass
from pathlib import Path

_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?:]+[\"')\]]*\s+|\n\s*\n")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


@dataclass
class Document:
    sentences: list
    words: list


def read(path):
    """The document that a text or Markdown file holds; code in it is left out."""
    text = _CODE.sub(" ", Path(path).read_text(encoding="utf-8"))
    sentences = [part for part in _SENTENCE_END.split(text) if _WORD.search(part)]
    return Document(sentences, [word.lower() for word in _WORD.findall(text)])
