"""What happens in the steps after a growth.

Authors
 * The speechbrain_growth authors 2026
"""
