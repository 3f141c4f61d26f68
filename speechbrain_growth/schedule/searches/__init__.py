"""Growths whose sizes are found by a search.

Authors
 * The speechbrain_growth authors 2026
"""
