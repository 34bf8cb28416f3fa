# SPDX-License-Identifier: MIT
"""Compares jumpbootd with what its users would take instead, and with the least that anything can
cost. See HACKING.md."""
