"""Grows neural networks while they train.

Authors
 * The speechbrain_growth authors 2026
"""

import importlib

# The public face: YAMLs, recipes and users name these, never a file behind it
HOMES = {
    "Accents": "continual.streams.utterances",
    "AdaNet": "continual.systems.adanet",
    "Amount": "schedule.conditions.kinds",
    "BNS": "continual.systems.bns",
    "Better": "schedule.conditions.kinds",
    "Birth": "engine.births.layers",
    "Blueprint": "blueprint.blueprint",
    "BudgetScheduler": "training.afterwards.budgets",
    "CPG": "continual.systems.cpg",
    "CRDNN": "nnet.quick",
    "Chain": "continual.columns.chain",
    "Channels": "continual.streams.utterances",
    "Columns": "continual.columns.columns",
    "ContinualBrain": "continual.brain",
    "Count": "schedule.conditions.kinds",
    "DEN": "continual.systems.den",
    "EWC": "continual.baselines.ewc",
    "Entry": "engine.optimizers",
    "Epoch": "schedule.conditions.kinds",
    "Exact": "engine.maps.plan",
    "ExpertGate": "continual.systems.expert_gate",
    "Experts": "continual.experts.experts",
    "FirstState": "engine.births.layers",
    "GrowingBrain": "training.brain",
    "GrowthError": "errors",
    "GrowthLog": "measure.growth_log",
    "GrowthSchedule": "schedule.schedule",
    "Independent": "continual.baselines.simple",
    "Joint": "continual.baselines.simple",
    "LeanBrain": "training.lean",
    "LiGRU": "nnet.ligru",
    "MLP": "nnet.mlp",
    "Metric": "schedule.conditions.kinds",
    "MidFoldWarning": "engine.weighted_norm",
    "NoRuleError": "errors",
    "Number": "schedule.conditions.kinds",
    "POWERS": "engine.optimizers",
    "Pair": "continual.streams.pair",
    "Permuted": "continual.streams.images",
    "PhoneSets": "continual.streams.phones",
    "Positive": "schedule.conditions.kinds",
    "Progressive": "continual.systems.progressive",
    "Replay": "continual.baselines.replay",
    "Rotated": "continual.streams.images",
    "RunLogger": "measure.run_log",
    "SEDEM": "continual.systems.sedem",
    "SLiGRU": "nnet.ligru",
    "SafeCheckpointer": "resume.checkpointer",
    "SafeTextEncoder": "data.labels",
    "ScalableCRDNN": "nnet.scalable_crdnn",
    "Search": "engine.search.firefly",
    "Sequence": "continual.streams.images",
    "Split": "continual.streams.images",
    "Strategy": "continual.strategy",
    "Stream": "continual.streams.stream",
    "Subnetworks": "continual.ensemble.subnetworks",
    "TaskMatrix": "measure.task_matrix",
    "TorchScheduler": "training.afterwards.torch_scheduler",
    "UtteranceGate": "continual.systems.utterance_gate",
    "VAE": "continual.experts.vae",
    "Way": "engine.births.units",
    "Windows": "continual.streams.windows",
    "anneal_epoch": "training.afterwards.rates",
    "anneal_step": "training.afterwards.rates",
    "as_stock": "nnet.quick",
    "best_checkpoint": "launch.init_from",
    "binary_exponential": "continual.ensemble.surrogates",
    "binary_logistic": "continual.ensemble.surrogates",
    "bucketed": "data.bucketing",
    "carry": "engine.carrying",
    "check_annealing": "training.afterwards.rates",
    "check_annotation": "data.annotations",
    "check_features": "data.audio",
    "check_noise": "data.noises",
    "condition": "schedule.conditions.registry",
    "drift": "engine.probe",
    "firefly": "engine.search.firefly",
    "fisher_sensitivity": "continual.columns.sensitivity",
    "fold": "engine.weighted_norm",
    "identity": "engine.births.layers",
    "leave_out": "data.too_long",
    "load_modules": "launch.init_from",
    "measurement": "schedule.conditions.measured",
    "open_blueprint": "launch.init_from",
    "open_run": "launch.start",
    "output_frames": "data.too_long",
    "perturbation_sensitivity": "continual.columns.sensitivity",
    "phone_parents": "continual.streams.phones",
    "plain_errors": "launch.plain_errors",
    "quicken": "nnet.quick",
    "read_audio": "data.audio",
    "read_numbers": "data.annotations",
    "reads": "engine.reading.functions.registry",
    "refuse_too_long": "data.too_long",
    "rule": "engine.rules.registry",
    "task_loader": "continual.sampling",
    "too_long": "data.too_long",
    "trace": "engine.tracing",
    "unaligned": "data.too_long",
    "way": "engine.births.units",
}
__all__ = sorted(HOMES)


def __getattr__(name):
    """Imports what is asked for: a command's help need not wait for torch."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{HOMES[name]}"), name)


def __dir__():
    """Lists the public face."""
    return [*globals(), *HOMES]
