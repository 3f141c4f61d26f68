"""Forecasts, from short runs, whether growing pays.

Authors
 * The speechbrain_growth authors 2026
"""
