"""What systems do with single weights and units.

Authors
 * The speechbrain_growth authors 2026
"""
