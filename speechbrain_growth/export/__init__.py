"""Takes a finished run elsewhere: into stock SpeechBrain, or to larger sizes.

Authors
 * The speechbrain_growth authors 2026
"""
