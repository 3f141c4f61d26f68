"""What becomes of the tensors when a network grows.

Authors
 * The speechbrain_growth authors 2026
"""
