"""A Brain whose settings change with a growth, as the key ``sets`` says.

Authors
 * The speechbrain_growth authors 2026
"""

from functools import partial

import speechbrain as sb
from speechbrain_growth.launch.differences import changed_parts
from speechbrain_growth.resume.batches import epoch_sampler, generators_of
from speechbrain_growth.resume.noise_lists import mixers_of
from speechbrain_growth.training.afterwards.settings import (
    PLAIN,
    changes_eval,
    copy_state,
    part_of,
    read_in_training,
    set_options,
    take_over,
)
from speechbrain_growth.training.wrapping import WrappingBrain


class SettingBrain(WrappingBrain):
    """Puts in force what keys of the YAML have become.

    Arguments
    ---------
    **kwargs : dict
        As for ``WrappingBrain``.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.in_force = {}  # the settings that the run has now
        self.train_data = None  # the data and the options of its loader
        self._loader = None  # made with other options

    def make_dataloader(self, dataset, stage, *args, **options):
        """Makes a loader; keeps what that of the training is made of.

        Arguments
        ---------
        dataset : Dataset
            The data.
        stage : Stage
            Training, validation or test.
        *args : tuple
            As for ``speechbrain.Brain.make_dataloader``.
        **options : dict
            The same.

        Returns
        -------
        DataLoader
        """
        if stage == sb.Stage.TRAIN and self._loader is None:
            self.train_data = dataset, options
        return super().make_dataloader(dataset, stage, *args, **options)

    def _makes_optimizer(self, part):
        """Whether the run's optimizer was made by a part of the YAML."""
        return self.opt_class is not None and part is self.opt_class

    def _is_train_option(self, holder):
        """Whether a mapping has the options of the training's loader."""
        given = (self.train_data or (None, {}))[1]
        return bool(given) and given == holder

    def _built(self, parts, settings):
        """What the YAML builds for the top-level keys of some parts."""
        keys = list(dict.fromkeys(path[0] for path in parts))
        changes = {**self.schedule.sizes, **settings}
        return dict(zip(keys, self.blueprint.build(*keys, sizes=changes)))

    def change_settings(self, settings):
        """Puts settings in force, in everything but the modules.

        Arguments
        ---------
        settings : dict
            All keys of the YAML that are other than the run began with.
        """
        parts, names = changed_parts(self.blueprint, self.in_force, settings)
        if names:
            self.meter.fold()
            self.meter.costs.clear()  # pooling, say, changes the MACs
        self.in_force = dict(settings)
        if not parts:
            return
        built, held, remake = (
            self._built(parts, settings),
            vars(self.hparams),
            0,
        )
        for path in parts:
            holder, part = part_of(held, path)
            new = part_of(built, path)[1]
            if self._makes_optimizer(part):
                for optimizer in self._optimizers():
                    set_options(optimizer, part, new)
                self.opt_class = new
            if holder is not held and self._is_train_option(holder):
                remake += 1
                self.train_data[1][path[-1]] = new
            take_over(part, new, self.checkpointer)
            holder[path[-1]] = new
        if self.train_data is not None:
            self.randomness.mixers = mixers_of(held.values())
        if remake:
            self._make_loader_anew()

    def _make_loader_anew(self):
        """Makes the loader of the training with its present options."""
        data, options = self.train_data
        self._loader = True  # so that these options are kept
        make = partial(self.make_dataloader, data, sb.Stage.TRAIN)
        self._loader = make(**options)
        self.randomness.generators = generators_of(self._loader)
        self.train_sampler = epoch_sampler(self._loader) or self.train_sampler

    def with_settings(self, new, plan, settings, seed):
        """Gives modules other settings.

        Arguments
        ---------
        new : torch.nn.ModuleDict
            The modules after a growth, with the settings in force.
        plan : Plan
            Of the growth.
        settings : dict
            Those that will be in force.
        seed : int
            For what the modules draw as they are built.

        Returns
        -------
        torch.nn.ModuleDict
            The same weights.
        """
        names = changed_parts(self.blueprint, self.in_force, settings)[1]
        if not names:
            return new
        changes = {**self.schedule.wanted, **settings}
        built = self.blueprint.modules(changes, seed).to(self.device)
        built = self.prepared(built)
        for name in set(built) - set(names):
            built[name] = new[name]
        copy_state(new, built, plan.fresh)
        return built

    def is_exact(self, settings):
        """Returns whether the outputs in eval mode surely stay as they are.

        Arguments
        ---------
        settings : dict
            Those that will be in force.

        Returns
        -------
        bool
        """
        parts, names = changed_parts(self.blueprint, self.in_force, settings)
        held, read = vars(self.hparams), read_in_training(self)
        for key, part in ((p[0], part_of(held, p)[1]) for p in parts):
            other = not isinstance(part, PLAIN)
            if other and not self._makes_optimizer(part) or key in read:
                return False
        sizes = self.schedule.sizes
        old, new = (
            self.blueprint.modules({**sizes, **one}) if names else None
            for one in (self.in_force, settings)
        )
        return not names or not changes_eval(old, new)

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch, with the loader of the present settings."""
        loader = train_set if self._loader is None else self._loader
        super()._fit_train(loader, epoch, enable)
