"""What a growth carries besides weights, and what it refuses to lose.

Authors
 * The speechbrain_growth authors 2026
"""
