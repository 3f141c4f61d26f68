"""Compares networks that grow with the best that does not, at every budget.

Authors
 * The speechbrain_growth authors 2026
"""
