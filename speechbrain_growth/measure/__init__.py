"""What a run costs, and the logs that say what happened.

Authors
 * The speechbrain_growth authors 2026
"""
