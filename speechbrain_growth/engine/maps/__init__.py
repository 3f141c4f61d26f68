"""Which old unit each new unit copies, and which tensors follow.

Authors
 * The speechbrain_growth authors 2026
"""
