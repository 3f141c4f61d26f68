"""Streams of tasks.

Authors
 * The speechbrain_growth authors 2026
"""
