"""The Brains that grow a model between epochs.

Authors
 * The speechbrain_growth authors 2026
"""
