"""What happens after a growth, and when the run ends: numbers only.

Authors
 * The speechbrain_growth authors 2026
"""
