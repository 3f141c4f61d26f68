"""A Brain that chooses among several growths by measuring each.

Authors
 * The speechbrain_growth authors 2026
"""

import copy
import itertools
import math
from typing import NamedTuple

from torch.utils.data import DataLoader

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import gather
from speechbrain_growth.resume import noise_lists
from speechbrain_growth.resume.batches import epoch_sampler, generators_of
from speechbrain_growth.resume.randomness import restore, snapshot
from speechbrain_growth.training.copies import on_copies
from speechbrain_growth.training.larger import LargerBrain
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.trial import Diverged

logger = get_logger(__name__)
PRESENT = ""  # the name of the present model among the candidates


class Trial(NamedTuple):
    """What came of a candidate.

    Arguments
    ---------
    sizes : dict
        The sizes that it sets.
    loss : float
        On the batches that are held out, after training.
    macs : float
        Of the training, by all processes.
    counted : float
        Of all, by this process.
    works : bool
        Whether the growth passed the probe, and the loss is finite.
    """

    sizes: dict
    loss: float
    macs: float
    counted: float
    works: bool


class ChoosingBrain(LargerBrain):
    """Trains each candidate of a growth a little, and chooses the best.

    The best is the one whose loss on batches that are held out falls most for
    each MAC of its training. All candidates see the same batches, the first of
    the coming epoch, and the same random numbers. They are trained on copies of
    all that the Brain holds. So nothing is left of them but the MACs.

    Arguments
    ---------
    **kwargs : dict
        As for ``LargerBrain``.
    """

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``speechbrain.Brain.fit`` does; keeps the training data.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : DataLoader
            Candidates are trained on its first batches.
        valid_set : Dataset or DataLoader
            Validation data.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.

        Raises
        ------
        GrowthError
            If growths choose, search, or begin units from gradients, and the
            training data are no ``DataLoader``.
        """
        self.train_loader = train_set
        asking = {
            word
            for growth in self.schedule.growths
            for word, reads in (
                ("choose", growth.amount.choose),
                ("firefly", growth.amount.firefly),
                (str(growth.symmetry), growth.symmetry.fills),
            )
            if reads
        }
        if asking and not isinstance(train_set, DataLoader):
            raise GrowthError(
                f"fit: the training data are a {type(train_set).__name__}; "
                f"{' and '.join(sorted(asking))} reads its first batches "
                "twice, and needs a DataLoader"
            )
        super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def choose(self, epoch):
        """Chooses among the candidates of the growth that was decided.

        Arguments
        ---------
        epoch : int
            The epoch that is about to begin.

        Returns
        -------
        dict
            What the growth log has of it: ``chosen``, and the ``scores``.
        """
        generators = generators_of(self.train_loader)
        before, mixers = snapshot(generators), self.randomness.mixers
        places, trials = noise_lists.places(mixers), {}
        trained, held_out = self._two_parts(epoch)
        for name in (PRESENT, *self.schedule.choices):
            restore(before, generators)
            with on_copies(self):
                trials[name] = self._tried(name, epoch, trained, held_out)
            if noise_lists.places(mixers) != places:
                noise_lists.go_to(mixers, places)
        restore(before, generators)
        self.meter.since["macs"] += sum(one.counted for one in trials.values())
        found = scored(trials)
        self.schedule.choose(found["chosen"])
        logger.info(in_words(found))
        return found

    def _two_parts(self, epoch):
        """The batches to train on, and those that are held out."""
        loader = copy.copy(self.train_loader)
        loader._iterator = None  # that of workers that persist
        sampler = epoch_sampler(loader)
        if sampler is not None:
            sampler.set_epoch(epoch)  # as the epoch itself will
        steps = self.schedule.current.amount.choose_steps
        training = steps * self.grad_accumulation_factor
        batches = list(itertools.islice(iter(loader), training + steps))
        counts = gather(len(batches))
        if min(counts) < training + 1:
            raise GrowthError(
                f"growth[{self.schedule.current.number}]: choose trains on "
                f"{training} batches and needs others to measure the loss, but "
                f"an epoch has {min(counts)}; use fewer choose_steps"
            )
        return batches[:training], batches[training : min(counts)]

    def _tried(self, name, epoch, trained, held_out):
        """Grows these copies as a candidate, trains and measures them."""
        sizes, works, begun = {}, True, self._macs()
        if name != PRESENT:
            self.schedule.choose(name)
            sizes = self.schedule.targets[-1]
            old, new, plan, entry = self.larger(epoch)
            self.put(old, new, plan)
            works = entry["grown"]
        self.meter.looks, start = 1, self._macs()  # growing is no training
        try:
            if name != PRESENT:
                self._train_on(epoch, trained)
            training = self._macs() - start
            loss = self._loss(epoch, held_out)
        except Diverged:
            loss, training = math.nan, 0
        works = works and math.isfinite(loss)
        macs = sum(gather(training))
        if name != PRESENT and works and not macs:
            self.meter.stats()  # raises: nothing was counted
        return Trial(sizes, loss, macs, self._macs() - begun, works)

    def _macs(self):
        """All that this process counted since the sum over all of them."""
        self.meter.fold()
        return self.meter.since["macs"]

    def _train_on(self, epoch, batches):
        """Trains on some batches."""
        self.modules.train()
        self.on_stage_start(sb.Stage.TRAIN, epoch)
        bar = progress(self, "trying a growth", batches)
        for number, batch in enumerate(bar, start=1):
            self.step = number
            self.fit_batch(batch)

    def _loss(self, epoch, batches):
        """The average loss on some batches, as in a validation."""
        self.modules.eval()
        self.on_stage_start(sb.Stage.VALID, epoch)
        losses = [
            float(self.evaluate_batch(batch, sb.Stage.VALID))
            for batch in progress(self, "measuring it", batches)
        ]
        everywhere = [loss for part in gather(losses) for loss in part]
        return sum(everywhere) / len(everywhere)


def scored(trials):
    """Returns what the growth log has of a choice.

    Arguments
    ---------
    trials : dict
        A ``Trial`` by name; that of ``PRESENT`` is of the present model.

    Returns
    -------
    dict
        ``chosen`` is the first name if no candidate works. A ``gain`` is the
        fall of the loss for each MAC; None for one that does not work.

    Example
    -------
    >>> small, large = {"width": 8}, {"width": 64}
    >>> trials = {
    ...     PRESENT: Trial({}, 2.0, 0, 5, True),
    ...     "small": Trial(small, 1.75, 100, 105, True),
    ...     "large": Trial(large, 1.5, 400, 405, True),
    ... }
    >>> scored(trials)["chosen"]
    'small'
    """
    before, scores, best = trials[PRESENT].loss, {}, -math.inf
    names = [name for name in trials if name != PRESENT]
    chosen = names[0]
    for name in names:
        sizes, loss, macs, _, works = trials[name]
        gain = (before - loss) / macs if works else None
        scores[name] = {
            "sizes": sizes,
            "loss": loss if works else None,
            "macs": macs,
            "gain": gain,
        }
        if works and gain > best:
            chosen, best = name, gain
    return {"chosen": chosen, "loss": before, "scores": scores}


def in_words(found):
    """Returns a choice as a sentence.

    Arguments
    ---------
    found : dict
        From ``scored``.

    Returns
    -------
    str

    Example
    -------
    >>> score = {
    ...     "sizes": {"width": 8},
    ...     "loss": 1.75,
    ...     "macs": 1e9,
    ...     "gain": 2.5e-10,
    ... }
    >>> in_words({"chosen": "small", "loss": 2.0, "scores": {"small": score}})
    'Chose small. The loss on held-out batches was 2; small: 1.75 (falls by 0.25 for 1e+09 MACs).'
    """
    words = [
        f"{name}: does not work"
        if one["gain"] is None
        else f"{name}: {one['loss']:.4g} (falls by "
        f"{found['loss'] - one['loss']:.3g} for {one['macs']:.3g} MACs)"
        for name, one in found["scores"].items()
    ]
    return (
        f"Chose {found['chosen']}. The loss on held-out batches was "
        f"{found['loss']:.4g}; {', '.join(words)}."
    )
