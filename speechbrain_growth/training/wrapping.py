"""A Brain whose modules can be replaced after scripting, compiling or DDP.

SpeechBrain wraps the modules once, when training starts. A growth replaces the
raw modules later; the new ones are then wrapped in the same way.

Authors
 * The speechbrain_growth authors 2026
"""

import contextlib

import torch
from torch.jit.frontend import FrontendError

import speechbrain as sb
from speechbrain.utils.logger import get_logger
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.nnet.quick import as_stock
from speechbrain_growth.nnet.sync_batchnorm import synchronise
from speechbrain_growth.training.checks.options import check_options

logger = get_logger(__name__)
KEYS = {"jit": "jit_module_keys", "compile": "compile_module_keys"}


class WrappingBrain(sb.Brain):
    """A Brain whose modules can be replaced after they were wrapped.

    ``modules`` are those that run: scripted, compiled or wrapped in DDP as the
    options say. ``raw_modules`` are those that the YAML built. They share their
    tensors with ``modules``, and checkpoints hold them.

    Arguments
    ---------
    **kwargs : dict
        As for ``speechbrain.Brain``.

    Raises
    ------
    GrowthError
        If SpeechBrain refuses an option.
    """

    def __init__(self, **kwargs):
        check_options(kwargs.get("run_opts"), kwargs.get("hparams"))
        try:
            super().__init__(**kwargs)
        except ValueError as error:
            raise GrowthError(" ".join(str(error).split()))
        if (
            self.optimizer_step_limit is not None
        ):  # SpeechBrain leaves it a string
            self.optimizer_step_limit = int(self.optimizer_step_limit)
        self.raw_modules = torch.nn.ModuleDict(self.modules.items())
        self.unwrapped, self.wraps = set(self.modules), False

    def replace(self, modules):
        """Replaces raw modules, and wraps the new ones like the old.

        Arguments
        ---------
        modules : dict
            Raw modules by name. A module that is already there is not wrapped
            again, since DDP would average its gradients twice.
        """
        for name, module in modules.items():
            if module is not self.raw_modules[name]:
                self.raw_modules[name] = self.modules[name] = module
                self.unwrapped.add(name)
        if self.wraps:
            self._compile()
            self._wrap_distributed()

    def prepared(self, modules):
        """Gives new modules the layer types that wrapping gave the old ones.

        Arguments
        ---------
        modules : torch.nn.ModuleDict
            As the blueprint builds them; changed in place.

        Returns
        -------
        torch.nn.ModuleDict
        """
        scripted = self._asked("jit")
        for name, module in modules.items():
            if name in scripted:  # then its batch norms cannot be replaced
                as_stock(module)
            elif self.distributed_launch and _learns(module):
                synchronise(module)
        return modules

    def _asked(self, option):
        """Names of the modules to which ``jit`` or ``compile`` applies."""
        chosen = getattr(self, KEYS[option])
        unknown = [name for name in chosen or () if name not in self.modules]
        if getattr(self, option) and unknown:
            raise GrowthError(
                f"--{KEYS[option]}: there is no module {', '.join(unknown)}; "
                f"there are {', '.join(self.modules)}"
            )
        names = self.modules if chosen is None else chosen
        return list(names) if getattr(self, option) else []

    def _compile(self):
        """Scripts and compiles the modules that are not wrapped yet."""
        problems, scripted = {}, self._asked("jit")
        for name in [n for n in self.modules if n in self.unwrapped]:
            if name in scripted and as_stock(self.raw_modules[name]):
                logger.info(f"--jit: {name} runs SpeechBrain's own layers")
            try:
                with self._only([name]):
                    super()._compile()
            except (RuntimeError, FrontendError) as error:
                why = " ".join(str(error).split("File")[0].split())
                problems[name] = why.rstrip(".:")
        left = " ".join(name for name in scripted if name not in problems)
        cure = f"use --jit_module_keys {left}" if left else "leave --jit out"
        if problems:
            raise GrowthError(
                [
                    f"--jit: torch cannot script {name}: {why}; {cure}"
                    for name, why in problems.items()
                ]
            )

    def _wrap_distributed(self):
        """Wraps the modules in DDP that are not wrapped yet."""
        with self._only(self.unwrapped):
            if self.distributed_launch and self.device == "cpu":
                for module in filter(_learns, self.modules.values()):
                    synchronise(module)
            super()._wrap_distributed()
        self.unwrapped, self.wraps = set(), True

    def _fit_train(self, train_set, epoch, enable):
        """Trains an epoch; then updates the buffers of the raw modules."""
        super()._fit_train(train_set, epoch, enable)
        self._share_buffers()

    def _save_intra_epoch_ckpt(self):
        """Saves the raw modules, with the buffers that changed."""
        self._share_buffers()
        super()._save_intra_epoch_ckpt()

    def _share_buffers(self):
        """Gives the raw modules the buffers that scripted ones replaced."""
        for name in self._asked("jit"):
            for path, buffer in self.modules[name].named_buffers():
                owner, _, leaf = path.removeprefix("module.").rpartition(".")
                layer = self.raw_modules[name].get_submodule(owner)
                if (
                    leaf in layer._buffers
                ):  # a norm that was folded has none left
                    setattr(layer, leaf, buffer)

    def script_again(self):
        """Scripts the raw modules again after their layers changed."""
        for name in self._asked("jit") if self.wraps else ():
            self.modules[name] = self.raw_modules[name]
            self.unwrapped.add(name)
        self.replace({})

    def init_optimizers(self):
        """Makes the optimizers; raises a message for wrong arguments."""
        try:
            super().init_optimizers()
        except (TypeError, ValueError) as error:
            raise GrowthError(f"the optimizer cannot be made: {error}")

    @contextlib.contextmanager
    def _only(self, names):
        """Inside the context, the Brain has these modules and options only.

        Upstream wraps all of ``self.modules`` at once. If its ``_compile`` and
        ``_wrap_distributed`` took the names of the modules to wrap, this method
        could go.
        """
        held = ("modules", *KEYS, *KEYS.values())
        was = {key: getattr(self, key) for key in held}
        # In the order of the model, which is the same on all processes
        part = {n: m for n, m in self.modules.items() if n in names}
        for option, key in KEYS.items():
            asked = [name for name in part if name in self._asked(option)]
            setattr(self, key, None if len(asked) == len(part) else asked)
            setattr(self, option, bool(asked))
        self.modules = torch.nn.ModuleDict(part)
        try:
            yield
            was["modules"].update(self.modules)
        finally:
            for key, value in was.items():
                setattr(self, key, value)


def _learns(module):
    """Whether SpeechBrain would wrap a module in DDP."""
    return any(p.requires_grad for p in module.parameters())
