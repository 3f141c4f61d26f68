"""A Brain that puts other modules in place of those that it has wrapped.

SpeechBrain scripts, compiles and spreads modules once, when training starts.
A growth happens later, to the raw modules; what stands in their place is then
wrapped as they were.

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
from speechbrain_growth.training.options import check_options

logger = get_logger(__name__)
KEYS = {"jit": "jit_module_keys", "compile": "compile_module_keys"}


class WrappingBrain(sb.Brain):
    """A Brain whose modules can be exchanged while they are wrapped.

    ``modules`` are those that run: scripted, compiled or spread over processes
    as the options say. ``raw_modules`` are what the YAML built, which share
    their tensors with the others, and which checkpoints hold.

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
        if self.optimizer_step_limit is not None:  # a text, as it was typed
            self.optimizer_step_limit = int(self.optimizer_step_limit)
        self.raw_modules = torch.nn.ModuleDict(self.modules.items())
        self.unwrapped, self.wraps = set(self.modules), False

    def replace(self, modules):
        """Puts raw modules in place of others, wrapped as those are.

        Arguments
        ---------
        modules : dict
            Raw modules by name. One that is in its place already stays as it
            is: wrapped twice, it would average its gradients twice.
        """
        for name, module in modules.items():
            if module is not self.raw_modules[name]:
                self.raw_modules[name] = self.modules[name] = module
                self.unwrapped.add(name)
        if self.wraps:
            self._compile()
            self._wrap_distributed()

    def prepared(self, modules):
        """Raw modules with the layers that wrapping will have given the old.

        Arguments
        ---------
        modules : torch.nn.ModuleDict
            As they were built. They are changed.

        Returns
        -------
        torch.nn.ModuleDict
        """
        scripted = self._asked("jit")
        for name, module in modules.items():
            if name in scripted:  # its batch norms are out of reach then
                as_stock(module)
            elif self.distributed_launch and _learns(module):
                synchronise(module)
        return modules

    def _asked(self, option):
        """Names of the modules that ``jit`` or ``compile`` is for."""
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
        would = f"--jit_module_keys {left}" if left else "no --jit"
        if problems:
            raise GrowthError(
                [
                    f"--jit: torch cannot script {name}: {why}; {would} would "
                    "do"
                    for name, why in problems.items()
                ]
            )

    def _wrap_distributed(self):
        """Spreads the modules that are not wrapped yet over the processes."""
        with self._only(self.unwrapped):
            if self.distributed_launch and self.device == "cpu":
                for module in filter(_learns, self.modules.values()):
                    synchronise(module)
            super()._wrap_distributed()
        self.unwrapped, self.wraps = set(), True

    def _fit_train(self, train_set, epoch, enable):
        """One epoch, after which the raw modules know what has changed."""
        super()._fit_train(train_set, epoch, enable)
        self._share_buffers()

    def _save_intra_epoch_ckpt(self):
        """The checkpoint holds the raw modules."""
        self._share_buffers()
        super()._save_intra_epoch_ckpt()

    def _share_buffers(self):
        """Buffers that a scripted module has replaced, for the raw one."""
        for name in self._asked("jit"):
            for path, buffer in self.modules[name].named_buffers():
                owner, _, leaf = path.removeprefix("module.").rpartition(".")
                layer = self.raw_modules[name].get_submodule(owner)
                if leaf in layer._buffers:  # not the weights of a folded norm
                    setattr(layer, leaf, buffer)

    def script_again(self):
        """Scripts what a change of the raw modules has outdated."""
        for name in self._asked("jit") if self.wraps else ():
            self.modules[name] = self.raw_modules[name]
            self.unwrapped.add(name)
        self.replace({})

    def init_optimizers(self):
        """Makes the optimizers; a mistake in their arguments is the user's."""
        try:
            super().init_optimizers()
        except (TypeError, ValueError) as error:
            raise GrowthError(f"the optimizer cannot be made: {error}")

    @contextlib.contextmanager
    def _only(self, names):
        """While it lasts, there are these modules only, and what they ask."""
        held = ("modules", *KEYS, *KEYS.values())
        was = {key: getattr(self, key) for key in held}
        # In the model's order, which all processes share
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
    """Whether SpeechBrain would spread a module over processes."""
    return any(p.requires_grad for p in module.parameters())
