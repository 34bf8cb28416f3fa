# SPDX-License-Identifier: MIT
"""Reads a text and measures it."""
from .document import Document, read
from .summary import summarize

__all__ = ["Document", "read", "summarize"]
