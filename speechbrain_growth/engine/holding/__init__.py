"""Keeps weights as they are: which ones, and how.

Authors
 * The speechbrain_growth authors 2026
"""
