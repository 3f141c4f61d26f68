"""Layers with the stock ones' parameters, names and results, but faster.

Authors
 * The speechbrain_growth authors 2026
"""
