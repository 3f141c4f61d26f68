"""Experts that share their features, each with a gate, and their memory.

Authors
 * The speechbrain_growth authors 2026
"""
