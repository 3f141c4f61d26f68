"""What one process of a distributed run does, for `test_devices_run.py`.

Authors
 * The speechbrain_growth authors 2026
"""

import sys
from pathlib import Path

import torch
from growing_run import toy, train

from speechbrain_growth.launch.processes import join


def main(folder, device):
    """Trains and grows on a device, and writes what it ended with."""
    options = {
        "distributed_backend": "nccl" if device == "cuda" else "gloo",
        "device": "cuda:0" if device == "cuda" else "cpu",
    }
    join(options)
    brain = train(toy(folder / "spread", run_opts=options, dropout=0.0))
    (entry,) = brain.growth_log.read()
    assert entry["grown"] and brain.distributed_launch
    kinds = {type(layer) for layer in brain.modules.modules()}
    found = {
        "backend": torch.distributed.get_backend(),
        "wrapped": [type(one).__name__ for one in brain.modules.values()],
        "history": brain.history,
        "norms": {
            f"{kind.__module__}.{kind.__name__}"
            for kind in kinds
            if "BatchNorm" in kind.__name__
            # whose own layers only hold them
            and not kind.__module__.startswith("speechbrain.")
        },
    }
    torch.save(found, folder / "found.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
