"""Builds the modules of a YAML at other sizes, and checks its values.

Authors
 * The speechbrain_growth authors 2026
"""
