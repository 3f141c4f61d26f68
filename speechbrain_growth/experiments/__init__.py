"""Compares runs: ``sweep`` trains a grid, ``compare`` reports on it.

Authors
 * The speechbrain_growth authors 2026
"""
