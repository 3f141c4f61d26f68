"""Starts a run: checks it, locks its folder, joins its processes.

Authors
 * The speechbrain_growth authors 2026
"""
