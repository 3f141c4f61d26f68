"""Reads what the outputs of a run mean, and appends new ones.

Authors
 * The speechbrain_growth authors 2026
"""
