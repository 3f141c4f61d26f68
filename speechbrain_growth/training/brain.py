"""A Brain whose model grows between epochs.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import os
import time

import torch
from torch.nn import ModuleDict
from torch.utils.data import DataLoader
from tqdm import tqdm

import speechbrain as sb
from speechbrain.nnet.schedulers import NewBobScheduler
from speechbrain.utils.distributed import if_main_process
from speechbrain.utils.logger import get_logger
from speechbrain_growth.engine.births.batchnorm import calibrating
from speechbrain_growth.engine.births.layers import Birth
from speechbrain_growth.engine.carrying import carry
from speechbrain_growth.engine.maps.plan import Exact
from speechbrain_growth.engine.optimizers import follow, powers_of
from speechbrain_growth.engine.probe import drift
from speechbrain_growth.engine.weighted_norm import weighted
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.init_from import (
    best_checkpoint,
    load_modules,
    sizes_of,
)
from speechbrain_growth.launch.lock import occupied
from speechbrain_growth.launch.processes import all_or_none, on_main
from speechbrain_growth.measure.growth_log import growth_in_words
from speechbrain_growth.measure.meter import METER, Meter
from speechbrain_growth.measure.run_log import RunLogger
from speechbrain_growth.schedule.schedule import STATE
from speechbrain_growth.training.transition import TRANSITION, Transition
from speechbrain_growth.training.trial import TrialBrain
from speechbrain_growth.training.wrapping import WrappingBrain

logger = get_logger(__name__)


class GrowingBrain(TrialBrain, WrappingBrain):
    """Decides after validation, grows before the next epoch.

    A recipe says in ``valid_stats`` which metrics a validation gave, and calls
    ``decide_growth`` once, after validation and before its checkpoint is saved.
    In ``compute_forward`` it shows ``meter.count`` what the first module gets,
    and logs ``meter.stats()``.
    The rest happens by itself: schedule and meter are part of every checkpoint,
    and sizes are restored before weights.

    Arguments
    ---------
    blueprint : Blueprint
        Builds the modules at other sizes.
    schedule : GrowthSchedule
        Decides when.
    growth_log : GrowthLog
        Keeps what happened.
    **kwargs : dict
        As for ``speechbrain.Brain``; ``hparams`` must have an
        ``output_folder``, which no other run may use meanwhile.
    """

    def __init__(self, blueprint, schedule, growth_log, **kwargs):
        super().__init__(**kwargs)
        self.blueprint = blueprint
        self.schedule = schedule
        self.growth_log = growth_log
        self.schedule.start(blueprint.sizes)
        self.meter = Meter(blueprint.modules, schedule, self.device)
        self.transition = Transition(self._modules)
        self.valid_loader = None
        self.logs.replaced.append(growth_log.save_file)
        train_logger = getattr(self.hparams, "train_logger", None)
        if isinstance(train_logger, RunLogger):
            self.schedule.better = train_logger.directions
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(STATE, self.schedule)
            self.checkpointer.add_recoverable(METER, self.meter)
            self.checkpointer.add_recoverable(TRANSITION, self.transition)

    def valid_stats(self, stage_loss):
        """Metrics of the validation that just ended; recipes add theirs.

        Arguments
        ---------
        stage_loss : float
            Its average loss.

        Returns
        -------
        dict
        """
        return {"loss": stage_loss}

    def decide_growth(self, epoch, stats):
        """Notes a validation, and decides whether the next epoch is larger.

        Arguments
        ---------
        epoch : int
            The epoch that is over.
        stats : dict
            Its metrics, from ``valid_stats``.
        """
        state = on_main(self._decide, epoch, stats)
        self.schedule.restore(state)

    def _decide(self, epoch, stats):
        """Decides on the main process; returns what the schedule then knows."""
        wish = os.path.join(self.hparams.output_folder, "grow_now")
        asked = os.stat(wish).st_mtime_ns if os.path.exists(wish) else None
        left = len(self.schedule.growths) - self.schedule.decided
        fresh = asked is not None and asked != self.schedule.hand
        if self.schedule.decide(epoch, stats, asked):
            logger.info(f"The model grows before epoch {epoch + 1}.")
        elif fresh and not left:
            logger.warning(f"{wish}: no growth is left in the schedule.")
        return self.schedule.state()

    def fit(self, epoch_counter, train_set, valid_set=None, **kwargs):
        """Trains as ``speechbrain.Brain.fit`` does, growing between epochs.

        Arguments
        ---------
        epoch_counter : iterable
            Gives the epochs.
        train_set : Dataset or DataLoader
            Training data.
        valid_set : Dataset or DataLoader
            Growths are decided after it, and probed on its first batch.
        **kwargs : dict
            As for ``speechbrain.Brain.fit``.
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
        epochs = self._growing(epoch_counter)
        with contextlib.ExitStack() as stack:
            if self.checkpointer is not None and not self.test_only:
                stack.enter_context(occupied(self.hparams.output_folder))
            super().fit(epochs, train_set, valid_set, **kwargs)

    def _growing(self, epoch_counter):
        """The epochs; in each, the model has the sizes that were wanted."""
        for epoch in epoch_counter:
            if epoch == 1 and self.schedule.due_at_start:
                self.decide_growth(0, self.measure(0))
                self.save_before_growing()
            if self.schedule.pending:
                self.grow(epoch)
            yield epoch

    def on_fit_start(self):
        """Restores sizes first, then weights."""
        own = self.checkpointer and self.checkpointer.find_checkpoint()
        earlier = getattr(self.hparams, "init_from", None)
        if earlier and not own:
            checkpoint = best_checkpoint(earlier)
            self.restore_sizes(checkpoint)
            load_modules(
                checkpoint,
                self.checkpointer.recoverables,
                [*self.raw_modules.values(), self.meter, self.transition],
            )
        before = dict(self.meter.total)  # the earlier run's cost is ours, too
        self.restore_sizes(own)
        super().on_fit_start()
        if any(g.optimizer == "carry" for g in self.schedule.growths):
            for optimizer in self._optimizers():
                powers_of(optimizer)  # raises if nothing is known of it
        self.meter.start()
        train_logger = getattr(self.hparams, "train_logger", None)
        if isinstance(train_logger, RunLogger):
            facts = self._facts()
            if earlier and not own:
                facts["init_from"], facts["before"] = earlier, before
            epoch = self.hparams.epoch_counter.current if own else None
            train_logger.begin(facts, epoch)

    def _facts(self):
        """What the run is, for its log."""
        blueprint = self.blueprint
        return {
            "yaml": os.path.basename(blueprint.path),
            "overrides": blueprint.overrides,
            "seed": getattr(self.hparams, "seed", None),
            "epochs": blueprint.value("number_of_epochs"),
            "sizes": blueprint.sizes,
            "growth": blueprint.value("growth"),
            "device": str(self.device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    def go_on(self, checkpoint):
        """Goes on from a checkpoint that was loaded, with all that belongs.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            None for a run from the start.
        """
        super().go_on(checkpoint)
        happened = self.schedule.decided - self.schedule.pending
        on_main(self.growth_log.keep, happened)

    def on_evaluate_start(self, max_key=None, min_key=None):
        """Restores the sizes of the checkpoint that will be loaded.

        Arguments
        ---------
        max_key : str
            Metric whose highest value is the best.
        min_key : str
            Metric whose lowest value is the best.
        """
        keys = {"max_key": max_key, "min_key": min_key}
        if self.checkpointer is not None:
            best = self.checkpointer.find_checkpoint(**keys)
            if self.test_only and best is None:
                raise GrowthError(
                    f"--test_only: {self.checkpointer.checkpoints_dir} holds "
                    "no checkpoint to test; without the option, one is trained"
                )
            self.restore_sizes(best)
        super().on_evaluate_start(**keys)

    def restore_sizes(self, checkpoint):
        """Gives the model the sizes of a checkpoint, larger or smaller.

        Its LayerNorms are weighted or stock as they were then. Weights and
        optimizer state are left for the checkpoint to fill.

        Arguments
        ---------
        checkpoint : speechbrain.utils.checkpoints.Checkpoint
            What will be loaded; None if nothing will.
        """
        if not checkpoint or STATE not in checkpoint.paramfiles:
            return
        sizes, own = sizes_of(checkpoint), self.blueprint.sizes
        if not set(sizes) <= set(own):
            raise GrowthError(
                f"{checkpoint.path} is of a model with the sizes "
                f"{', '.join(sizes)}; this one has {', '.join(own)}"
            )
        if sizes != self.schedule.sizes:
            old, new = self._modules(), self._build(sizes)
            follow(self._optimizers(), old, new)
            self._swap(new)
            self.schedule.start(sizes)
        if TRANSITION in checkpoint.paramfiles:
            before = set(weighted(self._modules()))
            self.transition.load(checkpoint.paramfiles[TRANSITION])
            if set(weighted(self._modules())) != before:
                self.script_again()

    def grow(self, epoch):
        """Grows the model as the schedule wants, or leaves it as it was.

        Arguments
        ---------
        epoch : int
            The epoch that is about to begin.
        """
        begin = time.time()
        self.meter.fold()  # what is counted so far was counted at these sizes
        schedule, growth = self.schedule, self.schedule.current
        seed = 1000 * int(getattr(self.hparams, "seed", 0)) + schedule.decided
        with all_or_none():
            old, new = self._modules(), self._build(schedule.wanted, seed)
            plan = carry(
                old,
                new,
                symmetry=growth.symmetry,
                seed=seed,
                birth=Birth(growth.birth, growth.born),
                fold=growth.fold,
            )
            with calibrating(plan, new):
                far = self._drift(new)
        far = on_main(float, far)
        promised = growth.symmetry.exact and plan.promise < Exact.NO
        tolerance = schedule.tolerance if promised else None
        entry = {
            "growth": schedule.decided - 1,
            "epoch": epoch - 1,
            "condition": growth.when,
            "grown": tolerance is None or far <= tolerance,
            "drift": far,
            "tolerance": tolerance,
            "symmetry": str(growth.symmetry),
            "fold": growth.fold if plan.weights else 0,
            "born": plan.born,
            "optimizer": growth.optimizer,
            "lr": growth.lr,
            "rewarm": growth.rewarm,
            "rewarmed": growth.units,
            "sizes_before": schedule.sizes,
            "sizes_after": schedule.wanted,
            "valid_before": {
                k: v for k, v in schedule.last.items() if k != "epoch"
            },
        }
        if not entry["grown"]:
            return self._roll_back(entry)
        before, after = self.growth_log.cost(old), self.growth_log.cost(new)
        entry.update({f"{key}_before": before[key] for key in before})
        entry.update({f"{key}_after": after[key] for key in after})
        carried = growth.optimizer == "carry"
        follow(self._optimizers(), old, new, plan if carried else None)
        self._swap(new)
        grace(getattr(self.hparams, "lr_annealing", None))
        rewarm = growth.rewarm if growth.units == "new" else 0
        self.transition.begin(plan, rewarm)
        schedule.grown(self.optimizer_step)
        entry["seconds"] = time.time() - begin
        entry["valid_after"] = self.measure(epoch)
        self._log_growth(entry)
        logger.info(growth_in_words(entry, self.growth_log.example_name))

    def _log_growth(self, entry):
        """Writes a growth wherever growths are logged."""
        on_main(self.growth_log.write, entry)
        train_logger = getattr(self.hparams, "train_logger", None)
        if isinstance(train_logger, RunLogger):
            train_logger.log_growth(entry)

    def _roll_back(self, entry):
        """The old model stays; the run stops or goes on."""
        self.schedule.refuse()
        self._log_growth(entry)
        words = growth_in_words(entry, "")
        if self.schedule.on_drift == "stop":
            raise GrowthError(words)
        logger.warning(words)

    def measure(self, epoch):
        """Runs a validation that nothing but its metrics comes from.

        Arguments
        ---------
        epoch : int
            For ``on_stage_start``.

        Returns
        -------
        dict
            As ``valid_stats`` gives it.
        """
        self.modules.eval()
        self.on_stage_start(sb.Stage.VALID, epoch)
        average, bar = 0.0, not self.noprogressbar and if_main_process()
        bar = tqdm(
            self.valid_loader, "checking growth", disable=not bar, leave=False
        )
        with torch.no_grad(), torch.random.fork_rng():
            for step, batch in enumerate(bar, start=1):
                loss = self.evaluate_batch(batch, sb.Stage.VALID)
                average += (float(loss) - average) / step
        stats = self.valid_stats(average)
        return {key: float(value) for key, value in stats.items()}

    def _drift(self, new):
        """How far new modules are from the living ones, on one batch."""
        living, old = ModuleDict(self.modules.items()), self._modules()
        outputs = []
        # In full precision: a rounded probe would hide a drift, or be one
        with torch.no_grad(), torch.random.fork_rng():
            batch = next(iter(self.valid_loader))
            try:
                for modules in (old, new):
                    self.modules.update(modules)
                    self.modules.eval()
                    outputs.append(self.compute_forward(batch, sb.Stage.VALID))
            finally:
                self.modules.update(living)
        return drift(*outputs)

    def optimizers_step(self):
        """One step, at the learning rate that the growths left."""
        factor = self.schedule.lr_factor(self.optimizer_step)
        with self.transition.step(), scaled_lr(self._optimizers(), factor):
            super().optimizers_step()

    def _optimizers(self):
        """All optimizers; none before they are made."""
        if self.optimizers_dict:
            return list(self.optimizers_dict.values())
        return [self.optimizer] if hasattr(self, "optimizer") else []

    def _modules(self):
        """The living modules, not wrapped, in a container of their own."""
        return ModuleDict(self.raw_modules.items())

    def _build(self, sizes, seed=0):
        """New modules; those whose shapes do not change stay as they are."""
        new = self.blueprint.modules(sizes, seed).to(self.device)
        new = self.prepared(new)
        for name, module in self.raw_modules.items():
            if _shapes(module) == _shapes(new[name]):
                new[name] = module
        return new

    def _swap(self, new):
        """Puts new modules wherever the old ones were. The only such place."""
        for name, module in new.items():
            old = self.raw_modules[name]
            holders = [vars(self.hparams)]
            holders.append(getattr(self.hparams, "modules", {}))
            if self.checkpointer is not None:
                holders.append(self.checkpointer.recoverables)
            for holder in holders:
                for key, value in list(holder.items()):
                    if value is old:
                        holder[key] = module
        self.replace(new)


@contextlib.contextmanager
def scaled_lr(optimizers, factor):
    """Multiplies learning rates for as long as the context lasts.

    Schedulers never see the product, so that they keep their own value.

    Arguments
    ---------
    optimizers : list of torch.optim.Optimizer
        Their groups' rates are changed and put back.
    factor : float
        What they are multiplied by.

    Yields
    ------
    None

    Example
    -------
    >>> sgd = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    >>> with scaled_lr([sgd], 0.5):
    ...     sgd.param_groups[0]["lr"]
    0.25
    >>> sgd.param_groups[0]["lr"]
    0.5
    """
    groups = [group for one in optimizers for group in one.param_groups]
    rates = [group["lr"] for group in groups]
    for group, rate in zip(groups, rates):
        group["lr"] = rate if factor == 1.0 else rate * factor
    try:
        yield
    finally:
        for group, rate in zip(groups, rates):
            group["lr"] = rate


def grace(scheduler):
    """Lets NewBob skip one comparison.

    A model that has just grown is not compared with the smaller one before it;
    NewBob takes the next metric as its first.

    Arguments
    ---------
    scheduler : object
        Anything else is left alone.

    Example
    -------
    >>> newbob = NewBobScheduler(initial_value=1.0)
    >>> _ = newbob(10.0)
    >>> grace(newbob)
    >>> newbob(20.0)
    (1.0, 1.0)
    """
    if isinstance(scheduler, NewBobScheduler):
        scheduler.metric_values = []


def _shapes(module):
    """Shapes of all tensors of a module."""
    state = module.state_dict()
    return {name: tensor.shape for name, tensor in state.items()}
