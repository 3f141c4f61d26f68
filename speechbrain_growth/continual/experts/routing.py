"""How often items get an expert that knows their task.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import Any, Dict, Iterable, List, Sequence

import torch


@torch.no_grad()
def routing_of(
    experts: Any, loader: Iterable, saw: Sequence[List[int]]
) -> Dict[str, Any]:
    """Measures routing, item by item, in each task.

    Arguments
    ---------
    experts : Experts
        Run in eval mode.
    loader : iterable
        Gives images, labels and tasks.
    saw : list of list
        For each expert the tasks of which its memory had items when its
        training ended.

    Returns
    -------
    dict
        ``experts_saw``, as given. For each task: ``routing``, the share of
        items whose expert saw it; ``routed``, the accuracy in %; and
        ``best_expert``, that of the one expert with the highest.
    """
    experts.eval()
    device = next(experts.parameters()).device
    rows, tasks = [], []
    for images, labels, own in loader:
        images = images.to(device)
        chosen = experts.losses(images).argmin(1).cpu()
        correct = experts.scores(images).argmax(2).cpu() == labels
        pairs = zip(own.tolist(), chosen.tolist())
        found = [task in saw[expert] for task, expert in pairs]
        own_correct = correct.gather(0, chosen[None])
        rows.append(torch.cat([torch.tensor([found]), own_correct, correct]))
        tasks.append(own)
    rows, tasks = torch.cat(rows, 1).double(), torch.cat(tasks)
    means = [rows[:, tasks == task].mean(1) for task in tasks.unique()]
    return {
        "experts_saw": list(saw),
        "routing": [float(one[0]) for one in means],
        "routed": [100 * float(one[1]) for one in means],
        "best_expert": [100 * float(one[2:].max()) for one in means],
    }
