"""Expert Gate for utterances, which differ in length.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any

import torch

from speechbrain_growth.continual.systems.expert_gate import ExpertGate


class UtteranceGate(ExpertGate):
    """Expert Gate whose gates see means and deviations over an utterance.

    They are of what ``compute_features`` of the YAML gives, before it is
    normalised: the sound of a channel, and of a speaker, is in them.

    Arguments
    ---------
    **kwargs : dict
        As for ``ExpertGate``.

    Example
    -------
    >>> UtteranceGate(code=20).routes
    True
    """

    def features(self, brain: Any, batch: Any) -> torch.Tensor:
        """Returns means and deviations of each feature over the utterance.

        Arguments
        ---------
        brain : ContinualBrain
            Its ``hparams`` have ``compute_features``.
        batch : PaddedBatch
            Has ``sig``.

        Returns
        -------
        torch.Tensor
            Shape (utterances, 2 x features).
        """
        waves, lengths = batch.to(brain.device).sig
        with torch.no_grad():
            found = brain.hparams.compute_features(waves)
        counts = (lengths * found.shape[1]).round().long().clamp(min=2)
        inside = [one[:count] for one, count in zip(found, counts.tolist())]
        return torch.stack(
            [torch.cat([one.mean(0), one.std(0)]) for one in inside]
        )
