"""Limits of what an override may be, and of how much a YAML may hold.

Authors
 * The speechbrain_growth authors 2026
"""
