"""Systems of the literature, each one file.

Authors
 * The speechbrain_growth authors 2026
"""
