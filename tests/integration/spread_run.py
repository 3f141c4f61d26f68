"""What two processes do for the tests beside it; torchrun starts it.

Each process writes what it ended with to `<scene>/<rank>.pt`.

Authors
 * The speechbrain_growth authors 2026
"""

import sys
from pathlib import Path

import torch
from growing_run import YAML, at, data, toy, train, weights

import speechbrain as sb
from speechbrain_growth import GrowthError
from speechbrain_growth.launch.processes import join
from speechbrain_growth.nnet.sync_batchnorm import SyncBatchNorm, synchronise
from speechbrain_growth.training import probing, starting

FOLDER = Path(sys.argv[1])


def scene(function):
    """Runs a scene in a folder of its own; all processes end it together."""
    folder = FOLDER / function.__name__
    folder.mkdir(exist_ok=True)
    found = function(folder)
    torch.save(found, folder / f"{torch.distributed.get_rank()}.pt")
    torch.distributed.barrier()


def spread(folder, **options):
    """The toy over the processes of this run."""
    run_opts = {"distributed_backend": "gloo", **options.pop("run_opts", {})}
    return toy(folder, run_opts=run_opts, **options)


def outcome(brain):
    """What a process ended with."""
    return {
        "weights": {k: v.clone() for k, v in weights(brain).items()},
        "wrapped": [type(m).__name__ for m in brain.modules.values()],
        "layers": {str(type(m)) for m in brain.modules.modules()},
        "sizes": brain.schedule.sizes,
        "history": brain.history,
    }


def whole(folder):
    """Grows in the middle, nothing happens to it; then tests its best."""
    brain = train(spread(folder))
    found = outcome(brain)
    loader = torch.utils.data.DataLoader(data(2, seed=1), batch_size=4)
    return {**found, "loss": float(brain.evaluate(loader, min_key="error"))}


def resumed_before(folder):
    """Stopped with the decision taken, then started again."""
    train(spread(folder, kill=at("epoch 2 saved")))
    return outcome(train(spread(folder)))


def resumed_after(folder):
    """Stopped when it had grown, then started again."""
    train(spread(folder, kill=at("epoch 3 saved")))
    return outcome(train(spread(folder)))


def one_to_two(folder):
    """Goes on from a checkpoint of a single process."""
    return outcome(train(spread(folder)))


def two_to_one(folder):
    """Stops; a single process resumes it later."""
    return outcome(train(spread(folder, kill=at("epoch 3 saved"))))


def budgeted(folder):
    """Ends with the MACs of all processes; the growth changes rates and more."""
    text = YAML.replace(
        "growth: !ref <growth>\n",
        "growth: !ref <growth>\n    budget: {macs: 5000000}\n",
    )
    growth = {
        "after_macs": "50 %",
        "rnn_neurons": 9,
        "lr": "per_norm",
        "sets": {"dropout": 0.4},
    }
    brain = train(spread(folder, text=text, growth=[growth]))
    macs = brain.meter.stats()["macs"]
    return {**outcome(brain), "steps": brain.optimizer_step, "macs": macs}


def scripted(folder):
    """Scripted, then spread."""
    return outcome(train(spread(folder, run_opts={"jit": True})))


def by_hand(folder):
    """Grows when asked to; stopped and started again around the save."""
    growth = [{"by_hand": True, "rnn_neurons": n} for n in (9, 12)]
    if torch.distributed.get_rank() == 0:
        (folder / "grow_now").touch()
    for moment in ("before saving", "saved"):
        train(spread(folder, growth=growth, kill=at(f"epoch 1 {moment}")))
    return outcome(train(spread(folder, growth=growth)))


def measured(folder):
    """Grows on what the first process measures; stopped before the decision."""
    growth = [
        {
            "all_of": [
                {"on_gradient": {"above": 0.0, "not_before": 2}},
                {"on_change": {"metric": "feature_shift", "above": 0.0}},
                {"on_gap": {"above": -9, "window": 2}},
            ],
            "rnn_neurons": 9,
        }
    ]
    brain = train(spread(folder / "whole", growth=growth))
    options = {"growth": growth, "run_opts": {"ckpt_interval_steps": 1}}
    train(spread(folder, kill=at("epoch 2 before saving"), **options))
    resumed = train(spread(folder, **options))
    found = {**outcome(resumed), "seen": repr(brain.schedule.seen)}
    found["whole"] = outcome(brain)["weights"]
    found["resumed"] = repr(resumed.schedule.seen)
    return found


def one_size_only(folder):
    """The output layer stays as it is, and wrapped as it is."""
    growth = [{"after_epoch": 2, "rnn_neurons": 9}]
    return outcome(train(spread(folder, growth=growth)))


def frozen(folder):
    """Weights stop learning, and learn again, in modules that stay."""
    growth = [
        {"after_epoch": 1, "freeze": ["model.CNN", "output"]},
        {"after_epoch": 2, "rnn_neurons": 9},
        {"after_epoch": 3, "freeze": "none"},
    ]
    return outcome(train(spread(folder, growth=growth)))


CHOICE = {
    "after_epoch": 2,
    "choose": {"wide": {"dnn_neurons": 24}, "long": {"rnn_neurons": 9}},
    "choose_steps": 1,
}


def chosen(folder):
    """Measures two candidates, on other batches in each process."""
    brain = train(spread(folder, growth=[CHOICE]))
    held = [
        float(s["loss"]) for s in brain.growth_log.read()[0]["scores"].values()
    ]
    return {**outcome(brain), "held": held}


def chosen_again(folder):
    """The same, stopped before the choice and started again."""
    train(spread(folder, growth=[CHOICE], kill=at("epoch 2 saved")))
    return chosen(folder)


def filled(folder):
    """New units begin from the gradients of both processes."""
    growth = {"after_epoch": 2, "cnn_channels": [4, 8], "rnn_neurons": 9}
    way = {"symmetry": {"gradmax": 0.5}, "batches": 2}
    brain = train(spread(folder, growth=[{**growth, "dnn_neurons": 13, **way}]))
    return {**outcome(brain), "filling": brain.growth_log.read()[0]["filling"]}


def searched(folder):
    """The first process finds the new units, and tells the second."""
    asked = {"budget": 200, "sizes": ["dnn_neurons"], "new": 2, "batches": 4}
    growth = [{"after_epoch": 1, "firefly": asked}]
    brain = spread(folder, growth=growth, number_of_epochs=2)
    train(brain, data(24))
    found = brain.growth_log.read()[0]["firefly"]
    return {
        **outcome(brain),
        "found": found,
        "macs": brain.meter.stats()["macs"],
    }


def failure(folder):
    """The second process cannot grow; neither does."""
    brain = spread(folder)
    if brain.rank == 1:
        brain.meter.build = brain.blueprint.modules  # it can still count
        brain.blueprint.modules = no_memory
    return message_of(train, brain)


def drifting(folder):
    """The first process sees a drift, the second does not."""
    brain = spread(folder)
    measured = probing.drift
    probing.drift = lambda *outputs: 0.25 * (1 - brain.rank)
    try:
        return message_of(train, brain)
    finally:
        probing.drift = measured


def refused(folder):
    """Goes on without a growth; so does whoever takes one back."""
    measured = probing.drift
    probing.drift = lambda *outputs: 0.25
    try:
        return outcome(train(careful(folder)))
    finally:
        probing.drift = measured


def broken_in_training(folder):
    """The second process sees a loss that is none, right after the growth."""
    return outcome(train(broken(careful(folder), sb.Stage.TRAIN)))


def broken_in_validation(folder):
    """The same, after an epoch in which all was well."""
    return outcome(train(broken(careful(folder), sb.Stage.VALID)))


def careful(folder):
    """A toy that continues without a growth that breaks down."""
    brain = spread(folder)
    brain.schedule.on_drift = "continue"
    return brain


def broken(brain, where):
    """Spoils the second loss of the first stage of its kind after a growth."""
    objectives = brain.compute_objectives

    def compute_objectives(predictions, batch, stage):
        loss = objectives(predictions, batch, stage)
        large = brain.schedule.sizes["rnn_neurons"] > 6
        now = brain.rank == 1 and large and stage == where and brain.step == 2
        return loss * float("nan") if now else loss

    brain.compute_objectives = compute_objectives
    return brain


def bad_metric(folder):
    """A condition that cannot be judged, which only the first finds out."""
    growth = [{"on_plateau": {"metric": "PER"}, "rnn_neurons": 9}]
    brain, tried = spread(folder, growth=growth), starting.trial_stats
    starting.trial_stats = lambda *given: None  # it would find that at once
    try:
        return message_of(train, brain)
    finally:
        starting.trial_stats = tried


def no_memory(sizes, seed=None):
    """Stands for whatever may go wrong on one machine."""
    raise MemoryError(f"no room for {sizes['rnn_neurons']} units")


def message_of(function, *args):
    """What a user would read, and nothing else."""
    try:
        function(*args)
    except (GrowthError, MemoryError) as error:
        return str(error)


def batch_norm(folder):
    """Half of a batch through a synchronised batch norm, and back."""
    inputs, gradient = torch.load(folder / "batch.pt")
    rank = torch.distributed.get_rank()
    part = slice(0, 3) if rank == 0 else slice(3, None)  # of unlike sizes
    net = torch.nn.Sequential(torch.nn.BatchNorm1d(4, dtype=torch.float64))
    synchronise(net)
    assert type(net[0]) is SyncBatchNorm
    own = inputs[part].requires_grad_()
    outputs = net(own)
    outputs.backward(gradient[part])
    net.eval()
    return {
        "outputs": outputs.detach(),
        "gradient": own.grad,
        "weight": net[0].weight.grad,
        "bias": net[0].bias.grad,
        "buffers": net.state_dict(),
        "eval": net(own).detach(),
    }


if __name__ == "__main__":
    join({"distributed_backend": "gloo"})
    for one in (
        whole,
        resumed_before,
        resumed_after,
        one_to_two,
        two_to_one,
        scripted,
        by_hand,
        measured,
        one_size_only,
        frozen,
        chosen,
        chosen_again,
        filled,
        searched,
        budgeted,
        failure,
        drifting,
        bad_metric,
        refused,
        broken_in_training,
        broken_in_validation,
        batch_norm,
    ):
        scene(one)
