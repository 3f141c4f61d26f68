"""A Brain that can be the network of a finished task again.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch
from torch.nn import ModuleDict
from torch.nn.modules.batchnorm import _NormBase

import speechbrain as sb
from speechbrain_growth.continual.finished import FINISHED, FinishedTasks
from speechbrain_growth.continual.strategy import GROUPS, STRATEGY
from speechbrain_growth.engine.probe import drift, tensors_in
from speechbrain_growth.engine.replacing import replaced
from speechbrain_growth.engine.unwrap import state_of
from speechbrain_growth.errors import GrowthError, did_you_mean
from speechbrain_growth.resume.dropout_masks import copy_of
from speechbrain_growth.training.brain import GrowingBrain

NORMS = (_NormBase, torch.nn.LayerNorm, torch.nn.GroupNorm)


class PastBrain(GrowingBrain):
    """Keeps what finished tasks need, and takes their networks back out.

    Arguments
    ---------
    strategy : Strategy
        What the system does beside growing.
    facts : dict
        What the stream is.
    **kwargs : dict
        As for ``GrowingBrain``.
    """

    def __init__(self, strategy, facts, **kwargs):
        super().__init__(**kwargs)
        self.strategy = strategy
        sides = {"stream": facts, "strategy": strategy.facts}
        facts = {
            f"{side}.{key}": value
            for side, own in sides.items()
            for key, value in own.items()
        }
        self.finished = FinishedTasks(strategy.stamps, facts)
        if self.checkpointer is not None:
            self.checkpointer.add_recoverable(FINISHED, self.finished)
            self.checkpointer.add_recoverable(STRATEGY, self.strategy)
        # The recipe's own methods, whatever class defines them
        self._forward = self.compute_forward
        self.recipe_objectives = self.compute_objectives
        self.compute_forward = self._compute_forward
        self.compute_objectives = self._compute_objectives
        self._valid_stats = self.valid_stats
        self.valid_stats = self._measured_stats
        self._as_stored = False  # whether weights are read as they are

    def _compute_forward(self, batch, stage):
        """The recipe's forward, with the strategy's weights."""
        tensors = {} if self._as_stored else self.strategy.weights(self)
        with replaced(self.raw_modules, tensors):
            return self._forward(batch, stage)

    def _measured_stats(self, stage_loss):
        """The recipe's metrics, and what the strategy measures."""
        stats = self._valid_stats(stage_loss)
        return {**stats, **self.strategy.measured(self, stats)}

    @contextlib.contextmanager
    def as_stored(self):
        """Inside this context, no tensors of the strategy stand for weights.

        Yields
        ------
        None
        """
        was, self._as_stored = self._as_stored, True
        try:
            yield
        finally:
            self._as_stored = was

    def larger(self, epoch):
        """Builds the larger model; both are probed with the weights they hold.

        Arguments
        ---------
        epoch : int
            As for ``GrowingBrain.larger``.

        Returns
        -------
        tuple
            As from ``GrowingBrain.larger``.
        """
        with self.as_stored():
            return super().larger(epoch)

    def _compute_objectives(self, predictions, batch, stage):
        """The recipe's loss; in training with the strategy's penalty."""
        loss = self.recipe_objectives(predictions, batch, stage)
        if stage != sb.Stage.TRAIN:
            return loss
        return loss + self.strategy.penalty(self, predictions, batch)

    def _until_spent(self, epoch_counter):
        """The epochs, as long as the strategy needs them."""
        epochs = super()._until_spent(epoch_counter)
        while not self.strategy.is_over:
            epoch = next(epochs, None)
            if epoch is None:
                return
            yield epoch

    def optimizers_step(self):
        """One step; then the strategy's turn."""
        super().optimizers_step()
        self.strategy.after_step(self)

    def put(self, old, new, plan):
        """Puts larger modules in place; finished tasks and strategy follow.

        Arguments
        ---------
        old : torch.nn.ModuleDict
            The present modules.
        new : torch.nn.ModuleDict
            The larger ones.
        plan : Plan
            How these come from those.
        """
        super().put(old, new, plan)
        self.finished.grow(
            plan, new, self.schedule.sizes, self.schedule.settings
        )
        self.strategy.grown(self, plan)

    def frozen_by(self, growth, plan, new):
        """Finds the weights that a growth freezes; no task's own are.

        Arguments
        ---------
        growth : Growth
            Says whether old units are trained on.
        plan : Plan
            How the larger modules come from the present ones.
        new : torch.nn.ModuleDict
            The larger modules.

        Returns
        -------
        dict
        """
        own = set(self.own_tensors(new))
        found = super().frozen_by(growth, plan, new)
        return {name: mask for name, mask in found.items() if name not in own}

    def own_tensors(self, modules):
        """Lists the tensors of which each task has its own.

        Arguments
        ---------
        modules : torch.nn.ModuleDict
            The network.

        Returns
        -------
        list of str
            Names in the state of the network.

        Raises
        ------
        GrowthError
            If the strategy names a layer that is not there.
        """
        layers, names = dict(modules.named_modules()), set(self.strategy.own)
        unknown = names - set(GROUPS) - set(layers)
        if unknown:
            raise GrowthError(
                [
                    f"strategy: own names {name}, but there is no such layer; "
                    + (
                        did_you_mean(name, layers)
                        or f"there are {', '.join(filter(None, layers))}"
                    )
                    for name in sorted(unknown)
                ]
            )
        if "norms" in names:
            names |= {n for n, one in layers.items() if isinstance(one, NORMS)}
        biases = {n for n, one in modules.named_parameters() if one.ndim < 2}
        biases = biases if "biases" in names else set()
        return [
            name
            for name in state_of(modules)
            if name in biases
            or any(name.startswith(f"{layer}.") for layer in names)
        ]

    def new_modules(self, values):
        """Copies modules that were built once, as to build them takes longer.

        Arguments
        ---------
        values : dict
            Values that replace those of the YAML.

        Returns
        -------
        torch.nn.ModuleDict
        """
        return copy_of(self.blueprint.prototype(values))

    def network_of(self, task):
        """Builds the network of a finished task, from the present one.

        Arguments
        ---------
        task : int
            From 1 on.

        Returns
        -------
        torch.nn.ModuleDict
            In eval mode.
        """
        one = self.finished[task]
        network = self.new_modules({**one.sizes, **one.settings})
        network = self.prepared(network.to(self.device))
        tensors = self.finished.tensors(task, self._modules())
        tensors = self.strategy.taken(task, tensors)
        with torch.no_grad():
            for name, tensor in state_of(network).items():
                if name in tensors:
                    tensor.copy_(tensors[name].view_as(tensor))
        return network.eval()

    @contextlib.contextmanager
    def as_of(self, task, network=None):
        """Inside this context, the Brain's modules are those of a task.

        Arguments
        ---------
        task : int
            A finished one; any other is that of the present modules.
        network : torch.nn.ModuleDict
            From ``network_of``, if that was called already.

        Yields
        ------
        None
        """
        if task > len(self.finished):
            yield
            return
        living = ModuleDict(self.modules.items())
        try:
            self.modules.update(network or self.network_of(task))
            with self.as_stored():
                yield
        finally:
            self.modules.update(living)

    def logits_of(self, task):
        """Computes what a task's network returns for its probe.

        Arguments
        ---------
        task : int
            Its first batch of validation data is the probe.

        Returns
        -------
        list of torch.Tensor
            On the CPU.
        """
        with self.on_task(task), torch.no_grad(), torch.random.fork_rng():
            batch = next(iter(self.valid_loader))
            with self.as_of(task):
                self.modules.eval()
                outputs = self.compute_forward(batch, sb.Stage.VALID)
        return [tensor.cpu() for tensor in tensors_in(outputs)]

    def check_kept(self, tolerance: float = 0.0) -> None:
        """Raises if the network of a finished task computes something else.

        Arguments
        ---------
        tolerance : float
            Largest drift of its logits on its probe; 0 allows no other bit.

        Raises
        ------
        GrowthError
            Naming each such task.
        """
        problems = []
        for task, then in enumerate(self.finished.probes, start=1):
            now = self.logits_of(task)
            if not all(map(torch.equal, now, then)):
                far = drift(then, now)
                if far > tolerance or not tolerance:
                    problems.append(
                        f"task {task}: its network does not compute what it "
                        f"did when the task was finished; the logits of its "
                        f"probe drift by {far:.1e}. Something changed weights "
                        "that are held; let the strategy hold them"
                    )
        if problems:
            raise GrowthError(problems)
