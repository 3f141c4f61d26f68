"""Grows neural networks while they train.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth import (
    rules,
    rules_attention,
    rules_axes,
    rules_convolution,
    rules_forward,
    rules_functions,
    rules_recurrent,
    rules_speaker,
    rules_speechbrain,
)
from speechbrain_growth.carrying import carry
from speechbrain_growth.deepening import Birth
from speechbrain_growth.errors import GrowthError, NoRuleError
from speechbrain_growth.nnet.weighted_norm import fold
from speechbrain_growth.tracing import trace
