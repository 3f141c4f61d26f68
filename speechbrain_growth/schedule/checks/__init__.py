"""What of a growth does not fit the model or the run.

Authors
 * The speechbrain_growth authors 2026
"""
