"""A Brain that tests the network of each task on each task.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib
import json
import math
import os

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

from speechbrain.utils.logger import get_logger
from speechbrain_growth.continual.past import PastBrain
from speechbrain_growth.continual.sampling import batches_of
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.files import aside
from speechbrain_growth.launch.processes import on_main
from speechbrain_growth.measure.task_matrix import REPORT, TaskMatrix

logger = get_logger(__name__)
END_OF_TASK = "end_of_task"  # in the metadata of a task's last checkpoint


class TestedBrain(PastBrain):
    """Measures the task matrix from the checkpoints at the ends of tasks.

    Training never sees the data of the test.

    Arguments
    ---------
    **kwargs : dict
        As for ``PastBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.networks, self.routes = {}, []  # while tasks are to be found

    def with_tasks(self, batch, tasks):
        """Returns a batch that says other tasks; recipes may override it.

        Arguments
        ---------
        batch : list
            Its last element is the task of each item.
        tasks : torch.Tensor
            Shape (items,).

        Returns
        -------
        list
        """
        return [*batch[:-1], tasks]

    @contextlib.contextmanager
    def on_task(self, task, loader=None):
        """Inside this context, a loader gives the data of a task.

        Arguments
        ---------
        task : int
            From 1 on.
        loader : DataLoader
            None for that of the validation.

        Yields
        ------
        None
        """
        batches = batches_of(self.valid_loader if loader is None else loader)
        was = batches.chosen
        batches.chosen = (task,)
        try:
            yield
        finally:
            batches.chosen = was

    def evaluate_tasks(self, test_set, metric):
        """Tests every task after every task, and writes ``tasks.json``.

        Arguments
        ---------
        test_set : DataLoader
            From ``task_loader``.
        metric : str
            One that ``valid_stats`` returns.

        Returns
        -------
        TaskMatrix

        Raises
        ------
        GrowthError
            If there is no such metric, or no task was finished.
        """
        kept = {
            one.meta[END_OF_TASK]: one
            for one in self.checkpointer.list_checkpoints()
            if END_OF_TASK in one.meta
        }
        tasks = len(batches_of(test_set).tasks)
        missing = [n for n in range(tasks + 1) if n not in kept]
        if missing:
            raise GrowthError(
                f"{self.checkpointer.checkpoints_dir}: there is no checkpoint "
                f"of the end of task {missing[0]}; train all tasks first"
            )
        rows = []
        for number in range(tasks + 1):
            self.restore_sizes(kept[number])
            self.checkpointer.load_checkpoint(kept[number])
            rows.append(
                [
                    self._tested(task, test_set, metric)
                    for task in range(1, tasks + 1)
                ]
            )
        better = self.run_logger.directions.get(metric, "lower")
        matrix = TaskMatrix(rows, better)
        report = {
            "metric": metric,
            "better": better,
            "rows": rows,
            "facts": self.finished.facts,
            **self._costs(),
            **self.strategy.report,
            **self.strategy.tested(self, test_set),
        }
        if self.strategy.routes:
            report.update(self._routed(test_set, metric))
        on_main(self._write_report, report)
        self.run_logger.log_stats(
            {"tasks tested": tasks},
            test_stats={
                metric: matrix.acc,
                "BWT": matrix.bwt,
                "forgetting": matrix.forgetting,
            },
        )
        return matrix

    def _costs(self):
        """What the tasks cost: numbers stored, MACs of a test and of training."""
        seed = self.growth_log.cost(self.blueprint.modules())
        now = self.growth_log.cost(self._modules())
        last = self.finished.tasks[-1].own.values()
        # Those in the present network are the last task's, which has its copy
        stored = self.finished.stored - sum(t.numel() for t in last)
        stored += self.strategy.stored
        networks = map(self.network_of, range(1, len(self.finished) + 1))
        return {
            "parameters": now["parameters"],
            "stored": stored,
            "capacity": (now["parameters"] + stored) / seed["parameters"],
            "macs_of_a_test": [
                self.growth_log.cost(one)["macs"] for one in networks
            ],
            "training": dict(self.meter.total),
        }

    def _routed(self, loader, metric):
        """The metric where nobody says the task, and how often it is found."""
        tasks = range(1, len(self.finished) + 1)
        self.networks = {task: self.network_of(task) for task in tasks}
        values, shares = [], []
        try:
            for task in tasks:
                self.routes = []
                with self.on_task(task, loader):
                    values.append(self.measure(0, loader)[metric])
                found = torch.cat(self.routes)
                shares.append(float((found == task).double().mean()))
        finally:
            self.networks = {}
        return {"routed": values, "routing": shares}

    def _compute_forward(self, batch, stage):
        """The forward; while tasks are to be found, of each item's network."""
        if not self.networks:
            return super()._compute_forward(batch, stage)
        found = self.strategy.route(self, batch)
        self.routes.append(found.cpu())
        batch, chosen = self.with_tasks(batch, found), None
        for task, network in self.networks.items():
            with self.as_of(task, network):
                outputs = super()._compute_forward(batch, stage)
            leaves, kind = tree_flatten(outputs)
            chosen = chosen or [leaf.clone() for leaf in leaves]
            for mine, leaf in zip(chosen, leaves):
                mine[found == task] = leaf[found == task]
        return tree_unflatten(chosen, kind)

    def _tested(self, task, loader, metric):
        """The metric of one task now; NaN for a head that is not trained.

        Of a task that was not begun, it is that of the network of the last one.
        """
        done = len(self.finished)
        if task > done and self.strategy.has_heads:
            return math.nan
        with self.on_task(task, loader), self.as_of(min(task, done or task)):
            stats = self.measure(0, loader)
        if metric not in stats:
            raise GrowthError(
                f"there is no metric {metric!r}; valid_stats returns "
                f"{', '.join(stats)}"
            )
        return stats[metric]

    def _write_report(self, report):
        """Writes the report of all tasks."""
        path = os.path.join(self.hparams.output_folder, REPORT)
        with aside(path) as new, open(new, "w", encoding="utf-8") as fout:
            json.dump(report, fout, indent=1)
