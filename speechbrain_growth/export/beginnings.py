"""Writes a folder from which a recipe can start: ``--init_from``.

Authors
 * The speechbrain_growth authors 2026
"""

import os
import shutil

from speechbrain.utils.checkpoints import (
    mark_as_saver,
    register_checkpoint_hooks,
)
from speechbrain_growth.blueprint.blueprint import Blueprint
from speechbrain_growth.blueprint.saving import yaml_at
from speechbrain_growth.engine.holding.masks import changed_by
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.export.card import GROWTHS, OFFLINE, growths_of
from speechbrain_growth.export.finished import finished_run
from speechbrain_growth.export.folders import check_free, folder_aside
from speechbrain_growth.export.larger import enlarge
from speechbrain_growth.export.outputs.labels import label_files
from speechbrain_growth.export.wish import growth_for
from speechbrain_growth.launch.init_from import metrics_of
from speechbrain_growth.launch.plans.exactness import exactness
from speechbrain_growth.measure.events import plain, write_events
from speechbrain_growth.measure.meter import METER
from speechbrain_growth.resume.checkpointer import SafeCheckpointer
from speechbrain_growth.schedule.schedule import GrowthSchedule
from speechbrain_growth.schedule.state import STATE
from speechbrain_growth.training.afterwards.holding import HELD, SavedHeld
from speechbrain_growth.training.afterwards.transition import (
    TRANSITION,
    Transition,
)
from speechbrain_growth.training.resizing import MODEL_YAML


@register_checkpoint_hooks
class _Kept:
    """A file of the earlier checkpoint, which goes along as it is."""

    def __init__(self, path):
        self.path = path

    @mark_as_saver
    def _save(self, path):
        """Copies the file."""
        shutil.copyfile(self.path, path)


def grow_run(results, wanted, out, checkpoint=None, labels=None):
    """Writes a folder from which a recipe can start at larger sizes.

    It holds what ``--init_from`` reads: the weights, the labels, what training
    has cost so far, and what growths left to hold or to scale. A run that
    starts so has a new optimizer; the state of the old one is left out.

    Arguments
    ---------
    results : str
        The output folder of a run.
    wanted : dict
        Larger sizes, by the keys of the YAML, and keys of a growth.
    out : str
        The new folder.
    checkpoint : str
        Name of a checkpoint; None for the best one.
    labels : list of str
        Paths of files that say what the outputs mean; None for the run's own.

    Returns
    -------
    str
        What was written, for people.

    Raises
    ------
    GrowthError
        Before anything is written, if the model cannot grow so.
    """
    check_free(out)
    run = finished_run(results, checkpoint)
    larger = enlarge(run, growth_for(run, wanted))
    out = os.path.abspath(out)
    with folder_aside(out) as new:
        save = os.path.join(new, "save")
        saver = SafeCheckpointer(save, _recoverables(run, larger))
        saver.save_checkpoint(metrics_of(run.checkpoint))
        for path in label_files(run.folder) if labels is None else labels:
            shutil.copyfile(path, os.path.join(save, os.path.basename(path)))
        path = os.path.join(new, MODEL_YAML)
        with open(path, "w", encoding="utf-8") as fout:
            fout.write(_yaml(run, larger.sizes, out))
        entry = {
            "growth": len(growths_of(run)),
            "epoch": run.epoch,
            "condition": OFFLINE,
            "grown": True,
            "valid_before": {},
            "valid_after": {},
            **larger.entry,
        }
        growths = [*growths_of(run), plain(entry)]
        write_events(os.path.join(new, GROWTHS), growths)
    changes = [
        f"{key} {size} -> {larger.sizes[key]}"
        for key, size in run.state["sizes"].items()
        if size != larger.sizes[key]
    ]
    return (
        f"{out}: {', '.join(changes)}; {exactness(larger.plan, larger.growth)}, "
        f"the outputs for a random example drift by {larger.entry['drift']:.1e}; "
        f"start from it with --init_from={out}"
    )


def _yaml(run, sizes, out):
    """The YAML that loads the larger model."""
    known = {*run.blueprint.written, *run.blueprint.overrides}
    moved = {"output_folder": out} if "output_folder" in known else {}
    blueprint = Blueprint(run.blueprint.path, moved)
    return yaml_at(blueprint, {**run.values, **sizes})


def _recoverables(run, larger):
    """What the checkpoint holds of the larger model."""
    files, present = run.checkpoint.paramfiles, [larger.old]
    schedule = GrowthSchedule()
    schedule.start(larger.sizes)
    schedule.settings, schedule.last = run.state["settings"], run.state["last"]
    transition, held = Transition(lambda: present[0]), None
    if TRANSITION in files:
        transition._load(files[TRANSITION])
    if HELD in files:
        held = SavedHeld(lambda: present[0])
        held.read(files[HELD], larger.old)
    present[0] = larger.new
    transition.begin(larger.plan, 0)
    found = {**larger.held, STATE: schedule, TRANSITION: transition}
    if held is not None:
        held.grown(larger.plan, larger.new)
        problems = changed_by(larger.plan, held.masks)
        if problems:
            raise GrowthError(problems)
        found[HELD] = held
    listed = run.blueprint.value("checkpointer")["recoverables"]
    for name in (*listed, METER):  # so that the YAML loads all that it lists
        if name in files and name not in found:
            found[name] = _Kept(files[name])
    return found
