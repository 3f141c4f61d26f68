"""A class of a user, for the tests of ``grow`` beside it

Authors
 * The speechbrain_growth authors 2026
"""

import torch


class Net(torch.nn.Module):
    """Classifies images of digits"""

    def __init__(self, hidden, classes=10, depth=1):
        super().__init__()
        self.first = torch.nn.Linear(64, hidden)
        self.norm = torch.nn.BatchNorm1d(hidden)
        self.last = torch.nn.Linear(hidden, classes)
        self.depth = depth

    def forward(self, images):
        """Scores of the classes"""
        return self.last(torch.relu(self.norm(self.first(images))))


NUMBER = 3
