"""What a sweep file may say of its runs, beside their overrides.

Authors
 * The speechbrain_growth authors 2026
"""
