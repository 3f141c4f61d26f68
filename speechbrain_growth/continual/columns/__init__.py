"""Networks side by side, one for each task.

Authors
 * The speechbrain_growth authors 2026
"""
