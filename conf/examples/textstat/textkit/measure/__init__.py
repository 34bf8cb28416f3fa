# SPDX-License-Identifier: MIT
"""Measures of a document."""
