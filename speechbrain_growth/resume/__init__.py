"""Lets a run that was killed end as if it had not been.

Authors
 * The speechbrain_growth authors 2026
"""
