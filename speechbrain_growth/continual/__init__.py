"""Networks that grow from task to task, and forget nothing.

Authors
 * The speechbrain_growth authors 2026
"""
