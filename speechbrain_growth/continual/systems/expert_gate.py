"""Expert Gate: an expert for each task, and a gate that knows its inputs.

Aljundi et al. 2017, https://arxiv.org/abs/1611.06194. Experts are the columns
of ``Columns`` without laterals. Nobody says the task at test: the gate that
knows an item best does.

Authors
 * The speechbrain_growth authors 2026
"""

import functools
from typing import Any, Dict, List, NamedTuple, Optional

import torch
from torch.nn import ModuleDict

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.columns.each_column import (
    EachColumn,
    columns_in,
)
from speechbrain_growth.continual.gate import (
    BATCH,
    Gate,
    Scale,
    distillation,
    relatedness,
    trained_gate,
)
from speechbrain_growth.continual.sampling import all_of
from speechbrain_growth.engine.probe import tensors_in
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.meter import TRAINING
from speechbrain_growth.training.measures.bars import progress

logger = get_logger(__name__)


class Start(NamedTuple):
    """How the expert of a task begins.

    Arguments
    ---------
    expert : int
        The task whose expert it is a copy of; None for as built.
    distils : bool
        Whether it is trained by learning without forgetting (LwF), so that
        it still computes what that expert does; otherwise it is fine-tuned.
    """

    expert: Optional[int]
    distils: bool


class ExpertGate(EachColumn):
    """Each task trains an expert, from the most related one of earlier tasks.

    Arguments
    ---------
    size : str
        The key of the YAML that is the number of experts.
    code : int
        Units of a gate.
    steps : int
        Of the training of a gate.
    threshold : float
        A task that is more related to an earlier one is trained by LwF.

    Example
    -------
    >>> strategy = ExpertGate()
    >>> strategy.tensors["relatedness"] = [[], [0.4], [0.2, 0.9]]
    >>> strategy.start_of(2), strategy.start_of(3)
    (Start(expert=1, distils=False), Start(expert=2, distils=True))
    """

    routes = True

    def __init__(
        self,
        size: str = "experts",
        code: int = 100,
        steps: int = 1000,
        threshold: float = 0.85,
    ) -> None:
        super().__init__(size)
        for name, value in (("code", code), ("steps", steps)):
            if type(value) is not int or value < 1:
                raise GrowthError(
                    f"strategy: {name} is {value!r}; it must be a whole number "
                    "above 0"
                )
        self.code, self.steps, self.threshold = code, steps, float(threshold)
        self.tensors = {"gates": [], "relatedness": []}
        self._teacher = ModuleDict()  # the network of one expert, by its task

    def check(self, brain: Any) -> List[str]:
        """Returns what is wrong: each task must add an expert, alone."""
        problems = super().check(brain)
        if any(columns.into for columns in columns_in(brain)):
            problems.append(
                "strategy: experts of ExpertGate read no other ones; write "
                "laterals: none and into: []"
            )
        return problems

    def features(self, brain: Any, batch: Any) -> torch.Tensor:
        """Returns what a gate sees of each item; here, all that a model does.

        Override it where items differ in length.

        Arguments
        ---------
        brain : ContinualBrain
            Has what computes features.
        batch : object
            As ``compute_forward`` gets it.

        Returns
        -------
        torch.Tensor
            Shape (items, features), on any device.
        """
        return batch[0].flatten(1)

    def begin(self, brain: Any, task: int) -> None:
        """Trains the task's gate; the expert begins as the most related one."""
        self.tensors = on_main(self._with_gate, brain, task)
        start = self.start_of(task)
        if start.expert is None:
            return
        for columns in columns_in(brain):
            experts = list(columns.columns.values())
            experts[-1].load_state_dict(experts[start.expert - 1].state_dict())
        found = ", ".join(f"{r:.2f}" for r in self.tensors["relatedness"][-1])
        logger.info(
            f"Task {task} is related to the earlier ones by {found}; its "
            f"expert begins as that of task {start.expert}, and is "
            + ("trained by LwF." if start.distils else "fine-tuned.")
        )

    def _with_gate(self, brain, task):
        """The tensors with the gate of a task, and how related it is."""
        with torch.random.fork_rng():  # which a loader draws from
            features = self._all(brain, brain.train_loader, task)
            valid = self._all(brain, brain.valid_loader, task)
        tensors = dict(self.tensors)
        if task == 1:
            tensors["mean"] = float(features.double().mean())
            tensors["deviation"] = float(features.double().std())
        scale = Scale(tensors["mean"], tensors["deviation"])
        seed = int(getattr(brain.hparams, "seed", 0))
        watch = functools.partial(progress, brain, "training a gate")
        args = scale(features), self.code, self.steps, seed
        gate = trained_gate(*args, watch)
        tensors["gates"] = [*tensors["gates"], [one.cpu() for one in gate]]
        *errors, own = _errors(tensors, valid).unbind(1)
        found = [relatedness(one, own) for one in errors]
        tensors["relatedness"] = [*tensors["relatedness"], found]
        passes = TRAINING * BATCH * self.steps + len(valid) * task
        brain.meter.count_macs(passes * 2 * self.code * features.shape[1])
        return tensors

    def _all(self, brain, loader, task):
        """The features of all items of a task."""
        batches = progress(brain, "reading features", all_of(loader, task))
        found = [self.features(brain, batch) for batch in batches]
        return torch.cat(found).to(brain.device)

    def start_of(self, task: int) -> Start:
        """Returns how the expert of a task begins, from how related it is.

        Arguments
        ---------
        task : int
            One that was begun.

        Returns
        -------
        Start
        """
        found = self.tensors["relatedness"][task - 1]
        if not found:
            return Start(None, False)
        return Start(1 + found.index(max(found)), max(found) > self.threshold)

    def penalty(self, brain: Any, predictions: Any, batch: Any) -> Any:
        """Returns the distillation loss, for a task that is related enough."""
        expert, distils = self.start_of(len(self.tensors["relatedness"]))
        if not distils:
            return 0.0
        if str(expert) not in self._teacher:
            self._teacher = ModuleDict({str(expert): brain.network_of(expert)})
        # With the head of the expert's own task, as in validation: both get
        # the same input, whatever the recipe augments
        items = len(tensors_in(predictions)[0])
        batch = brain.with_tasks(batch, torch.full((items,), expert))
        with torch.no_grad(), brain.as_of(expert, self._teacher[str(expert)]):
            brain.meter.looks += 1
            taught = brain.compute_forward(batch, sb.Stage.VALID)
            brain.meter.looks -= 1
        outputs = brain.compute_forward(batch, sb.Stage.VALID)
        return distillation(tensors_in(outputs)[0], tensors_in(taught)[0])

    def shares(self, brain: Any, batch: Any) -> torch.Tensor:
        """Returns how sure the gates are of each task.

        Arguments
        ---------
        brain : ContinualBrain
            Has what computes features.
        batch : object
            As ``compute_forward`` gets it.

        Returns
        -------
        torch.Tensor
            Shape (items, tasks); a row sums to 1.
        """
        features = self.features(brain, batch).to(brain.device)
        return (-_errors(self.tensors, features) / 2).softmax(1)

    def route(self, brain: Any, batch: Any) -> torch.Tensor:
        """Returns the task of the gate that knows an item best, one by one."""
        return self.shares(brain, batch).argmax(1) + 1

    @property
    def stored(self) -> float:
        """How many numbers the gates have, and their scale."""
        gates = self.tensors["gates"]
        return 2 + sum(tensor.numel() for gate in gates for tensor in gate)

    @property
    def report(self) -> Dict[str, Any]:
        """How related the tasks were, and how each expert began."""
        found = self.tensors["relatedness"]
        starts = [self.start_of(task + 1) for task in range(len(found))]
        return {
            "relatedness": found,
            "started_from": [start.expert for start in starts],
            "distilled": [start.distils for start in starts],
            "macs_of_routing": sum(
                2 * gate[0].numel() for gate in self.tensors["gates"]
            ),
        }


@torch.no_grad()
def _errors(tensors, features):
    """The error of each gate on each item, shape (items, gates)."""
    inputs = Scale(tensors["mean"], tensors["deviation"])(features)
    gates = [
        Gate(*(tensor.to(inputs.device) for tensor in gate))
        for gate in tensors["gates"]
    ]
    return torch.stack([gate.errors(inputs) for gate in gates], 1)
