"""The recurrence of a Li-GRU on a GPU, in Triton.

Authors
 * The speechbrain_growth authors 2026
"""
