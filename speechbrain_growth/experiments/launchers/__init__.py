"""The runs of a sweep as commands, for this machine, a shell or a cluster.

Authors
 * The speechbrain_growth authors 2026
"""
