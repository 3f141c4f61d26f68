"""Reads what a forward does by running it, and says what becomes of each axis.

Authors
 * The speechbrain_growth authors 2026
"""
