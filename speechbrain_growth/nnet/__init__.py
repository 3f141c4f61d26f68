"""Layers of our own: stock parameters, names and results, computed faster.

Authors
 * The speechbrain_growth authors 2026
"""
