"""What continual learning is compared with.

Authors
 * The speechbrain_growth authors 2026
"""
