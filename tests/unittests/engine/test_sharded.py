"""Modules that FSDP2 has sharded are refused by name, before anything changes.

Authors
 * The speechbrain_growth authors 2026
"""

import socket

import pytest
import torch
from torch import nn

from speechbrain_growth import GrowthError, carry

distributed = pytest.importorskip("torch.distributed")
if not distributed.is_available():
    pytest.skip("torch without distributed", allow_module_level=True)


@pytest.fixture(scope="module")
def mesh():
    """One process on a CPU, over which tensors are sharded all the same."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    distributed.init_process_group(
        "gloo",
        init_method=f"tcp://localhost:{port}",
        rank=0,
        world_size=1,
    )
    yield distributed.init_device_mesh("cpu", (1,))
    distributed.destroy_process_group()


def net(units, mesh=None, layers=()):
    """A small network; with a mesh, all of it or some layers are sharded."""
    from torch.distributed.fsdp import fully_shard

    model = nn.Sequential(nn.Linear(3, units), nn.ReLU(), nn.Linear(units, 2))
    if mesh is not None:
        for layer in layers:
            fully_shard(model[layer], mesh=mesh)
        if not layers:
            fully_shard(model, mesh=mesh)
    return model


@pytest.mark.parametrize("example", [None, torch.ones(4, 3)])
@pytest.mark.parametrize("which", ["old", "new"])
@pytest.mark.parametrize(
    "layers, named",
    [((), "0.weight and 3 others"), ((2,), "2.weight and 1 others")],
)
def test_a_sharded_model_is_refused_by_name(
    mesh, layers, named, which, example
):
    models = {"old": net(4), "new": net(6)}
    units = 4 if which == "old" else 6
    models[which] = net(units, mesh, layers)
    before = {k: v.clone() for k, v in models["new"].state_dict().items()}
    with pytest.raises(GrowthError) as error:
        carry(models["old"], models["new"], example=example)
    message = f"{named}: are sharded over processes in the {which} model"
    assert str(error.value).startswith(message)
    assert "use fully_shard on the result" in str(error.value)
    for name, tensor in models["new"].state_dict().items():
        same = tensor == before[name]
        assert bool(getattr(same, "full_tensor", lambda s=same: s)().all())


def test_both_models_are_named(mesh):
    with pytest.raises(GrowthError, match="2 problems") as error:
        carry(net(4, mesh), net(6, mesh))
    assert "in the old model" in str(error.value)
    assert "in the new model" in str(error.value)


def test_the_way_that_the_message_names_is_exact(mesh):
    from torch.distributed.checkpoint.state_dict import (
        StateDictOptions,
        get_model_state_dict,
    )
    from torch.distributed.fsdp import fully_shard

    sharded, batch = net(4, mesh), torch.randn(5, 3)
    options = StateDictOptions(full_state_dict=True)
    old, new = net(4), net(6)
    old.load_state_dict(get_model_state_dict(sharded, options=options))
    carry(old, new)
    grown = fully_shard(new, mesh=mesh)
    torch.testing.assert_close(grown(batch), sharded(batch))
