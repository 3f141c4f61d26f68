"""Sums of subnetworks, each of which was worth its complexity.

Authors
 * The speechbrain_growth authors 2026
"""
