"""A Brain that tries out a larger model on validation data.

Authors
 * The speechbrain_growth authors 2026
"""

import torch
from torch.nn import ModuleDict
from torch.utils.data import DataLoader

import speechbrain as sb
from speechbrain_growth.engine.carried.new_outputs import comparable
from speechbrain_growth.engine.probe import all_bits, drift, tensors_in
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.training.checks.suspects import suspects
from speechbrain_growth.training.measures.bars import progress
from speechbrain_growth.training.starting import StartingBrain


class ProbingBrain(StartingBrain):
    """Compares the outputs of new modules with those of the present ones.

    Arguments
    ---------
    **kwargs : dict
        As for ``StartingBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.valid_loader = None

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``speechbrain.Brain.fit`` does; keeps the validation data.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : Dataset or DataLoader
            Training data.
        valid_set : Dataset or DataLoader
            Its first batch is the probe.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.

        Raises
        ------
        GrowthError
            If there is no ``valid_set``.
        """
        if valid_set is None:
            raise GrowthError(
                "fit: there is no valid_set; growths are decided after "
                "validation and probed on it"
            )
        if not self.test_only and not isinstance(valid_set, DataLoader):
            options = kwargs.pop("valid_loader_kwargs", {})
            valid_set = self.make_dataloader(
                valid_set, sb.Stage.VALID, ckpt_prefix=None, **options
            )
        self.valid_loader = valid_set
        super().fit(epoch_counter, train_set, valid_set, **kwargs)

    def same_data(self) -> bool:
        """Whether the next epoch is validated on the data of the last one.

        Returns
        -------
        bool
            If not, a growth in between is not validated.
        """
        return True

    def measure(self, epoch, loader=None):
        """Validates without logging, saving or deciding anything.

        Arguments
        ---------
        epoch : int
            For ``on_stage_start``.
        loader : DataLoader
            The data; None for those of the validation.

        Returns
        -------
        dict
            From ``valid_stats``.
        """
        self.modules.eval()
        self.on_stage_start(sb.Stage.VALID, epoch)
        average = 0.0
        loader = self.valid_loader if loader is None else loader
        bar = progress(self, "measuring", loader)
        with torch.no_grad(), torch.random.fork_rng():
            for step, batch in enumerate(bar, start=1):
                loss = self.evaluate_batch(batch, sb.Stage.VALID)
                average += (float(loss) - average) / step
        stats = self.valid_stats(average)
        return {key: float(value) for key, value in stats.items()}

    def _probe(self):
        """The first batch of the validation, and a function that runs modules.

        The function returns the outputs of the recipe's forward for it.
        """
        with torch.random.fork_rng():
            batch = next(iter(self.valid_loader))

        def run(modules):
            """Runs these modules in the place of the present ones."""
            living = ModuleDict(self.modules.items())
            try:
                self.modules.update(modules)
                return self.compute_forward(batch, sb.Stage.VALID)
            finally:
                self.modules.update(living)

        return batch, run

    def _drift(self, new, batch, run, plan):
        """How far the outputs of new modules are from the present ones."""
        outputs = []
        # In full precision: rounding would hide a drift, or look like one
        with torch.no_grad(), all_bits(), torch.random.fork_rng():
            for modules in (self._modules(), new):
                for module in modules.values():
                    module.eval()
                outputs.append(run(modules))
                _must_be_finite(outputs[0], batch)
        return drift(*comparable(*outputs, plan))


def _must_be_finite(outputs, batch):
    """Raises if the present model's outputs are not finite: no growth did it."""
    # A class that cannot be chosen has -inf
    usable = [t.isfinite() | t.isneginf() for t in tensors_in(outputs)]
    if not all(one.all() for one in usable):
        raise GrowthError(
            "the model did not grow: the present one's outputs for the first "
            "batch of the validation are not finite, so that no growth can be "
            f"probed on it; {suspects(batch)}. Mend or leave out such data, or "
            "use a smaller lr"
        )
