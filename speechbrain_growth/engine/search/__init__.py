"""Writes values of new units from gradients, once the weights are carried.

Authors
 * The speechbrain_growth authors 2026
"""
