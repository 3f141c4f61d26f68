"""Compares runs over several tasks.

Authors
 * The speechbrain_growth authors 2026
"""
