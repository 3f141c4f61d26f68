"""What a plan says of the growths ahead: sizes, epochs, cost and memory.

Authors
 * The speechbrain_growth authors 2026
"""
