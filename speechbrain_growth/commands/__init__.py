"""The commands of ``python -m speechbrain_growth``.

Authors
 * The speechbrain_growth authors 2026
"""
