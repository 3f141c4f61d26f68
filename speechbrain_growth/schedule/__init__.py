"""When a network grows, and to which sizes: numbers only.

Authors
 * The speechbrain_growth authors 2026
"""
