"""What is checked before a run and while it trains.

Authors
 * The speechbrain_growth authors 2026
"""
