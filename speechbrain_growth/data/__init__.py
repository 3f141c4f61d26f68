"""Reads annotations, audio, labels and batches, and checks them.

Authors
 * The speechbrain_growth authors 2026
"""
