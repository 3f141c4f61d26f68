"""Random forwards, built in two sizes, for test_compositions.py.

Authors
 * The speechbrain_growth authors 2026
"""

import moves_of_layers  # noqa: F401 (adds its moves to the table)
import torch
from moves import MOVES, Own, P, shape
from own_models import numbers
from torch import nn

MOST_NUMBERS, MOST_AXES = 600, 5
WIDTHS = [P(4, 8), P(2, 4), P(4, 6), P(2, 6), P(2, 5), P(6, 8)]


class Tape:
    """Gives out choices from a list of numbers; zeros when it has ended"""

    def __init__(self, numbers):
        self.numbers = iter(numbers)

    def pick(self, things):
        return things[next(self.numbers, 0) % len(things)]


class Net(nn.Module):
    """One of the two models of a program"""

    def __init__(self, side, program):
        super().__init__()
        self.program, self.side = program, side
        self.own = nn.ParameterList()
        self.layers = nn.ModuleList()
        self.held = []

    def hold(self, own, generator):
        """Makes the parameter or the layer of a step"""
        if own.build is None:
            size = shape(own.sizes)[self.side]
            self.own.append(nn.Parameter(torch.empty(size).double()))
            self.held.append(("own", len(self.own) - 1))
            made = [self.own[-1]]
        else:
            self.layers.append(own.build(self.side).double())
            self.held.append(("layers", len(self.layers) - 1))
            made = self.layers[-1].parameters()
        for one in made:
            drawn = torch.randn(one.shape, generator=generator)
            one.data.copy_(0.5 * drawn)

    def step(self, number, x):
        """Runs one step"""
        function, args, held = self.program[number]
        if held is not None:
            kind, place = self.held[held]
            x = (x, getattr(self, kind)[place])
        else:
            x = (x,)
        return function(*x, *resolved(args, self.side))

    def forward(self, x):
        kept = {}
        for number, (function, *_) in enumerate(self.program):
            if function in ("keep", "start"):
                kept[len(kept)] = x
                x = kept[0] if function == "keep" else x
            elif function == "join":
                x = self.program[number][1](kept[1], x)
            else:
                x = self.step(number, x)
        return x


def resolved(args, side):
    """Arguments of one of the two models"""
    if isinstance(args, P):
        return args[side]
    if type(args) in (tuple, list):
        return type(args)(resolved(one, side) for one in args)
    if isinstance(args, slice):
        ends = args.start, args.stop, args.step
        return slice(*resolved(ends, side))
    return args


class Builder:
    """Writes a program while both models run it"""

    def __init__(self, pick):
        self.pick, self.program, self.names = pick, [], []
        self.nets = [Net(side, self.program) for side in (0, 1)]
        self.drawn = torch.Generator().manual_seed(0)
        self.now = None

    @property
    def sizes(self):
        """Sizes of the tensor, in pairs"""
        return tuple(map(P, *(x.shape for x in self.now)))

    def add(self, name, function, args=(), own=None):
        """Adds a step, if both models can take it; returns whether"""
        counts = [(len(n.held), len(n.own), len(n.layers)) for n in self.nets]
        held = None
        try:
            if isinstance(own, int):  # that of an earlier step
                held = own
            elif own is not None:
                for net in self.nets:
                    net.hold(own, self.drawn)
                held = len(self.nets[0].held) - 1
            self.program.append((function, args, held))
            number = len(self.program) - 1
            after = [n.step(number, x) for n, x in zip(self.nets, self.now)]
            if all(map(_is_fine, after)) and after[0].ndim == after[1].ndim:
                if self._grows(after):
                    self.now = after
                    self.names.append(name)
                    return True
        except (RuntimeError, IndexError, ValueError, TypeError):
            pass
        except (AssertionError, NotImplementedError, ZeroDivisionError):
            pass
        self._undo(counts)
        return False

    def _grows(self, after):
        """Whether no axis shrinks"""
        return all(a <= b for a, b in zip(after[0].shape, after[1].shape))

    def _undo(self, counts):
        """Forgets the last step"""
        self.program[:] = self.program[: len(self.names)]
        for net, (held, own, layers) in zip(self.nets, counts):
            del net.held[held:]
            net.own = nn.ParameterList(list(net.own)[:own])
            net.layers = nn.ModuleList(list(net.layers)[:layers])

    def mark(self, name, *args):
        """Adds a step that is no function of one tensor"""
        self.program.append((name, *args, None))
        self.names.append(name)


def _is_fine(x):
    """Whether a tensor may go on"""
    return (
        torch.is_tensor(x)
        and x.is_floating_point()
        and 0 < x.numel() <= MOST_NUMBERS
        and 1 < x.ndim <= MOST_AXES
        and bool(torch.isfinite(x).all())
        and x.abs().max() < 1e4
    )


STARTS = {
    "linear": lambda w: lambda side: nn.Linear(3, w[side]),
    "conv1d": lambda w: lambda side: nn.Conv1d(3, w[side], 2),
    "conv2d": lambda w: lambda side: nn.Conv2d(1, w[side], 2),
    "embedding": lambda w: lambda side: nn.Embedding(5, w[side]),
}


def start(builder, x, widths=WIDTHS):
    """Begins a branch; the input fits all first layers"""
    name, width = builder.pick(list(STARTS)), builder.pick(widths)
    prepare = {
        "linear": lambda x: x,
        "conv1d": lambda x: x,
        "conv2d": lambda x: x[:, None],
        "embedding": lambda x: (x[..., 0] > 0).long(),
    }[name]

    def begin(x, layer):
        return layer(prepare(x))

    builder.now = [x, x]
    assert builder.add(name, begin, (), Own(build=STARTS[name](width)))
    return width


def _may_come_again(step):
    """Whether a step has a layer or a parameter, and begins no branch"""
    return step[-1] is not None and step[0].__name__ != "begin"


def _steps(builder, most):
    """Adds some moves, or uses a layer or parameter again"""
    for _ in range(1 + builder.pick(range(most))):
        held = [step for step in builder.program if _may_come_again(step)]
        if held and builder.pick([0] * 15 + [1]):
            builder.add("again", *builder.pick(held))
            continue
        name = builder.pick(list(MOVES))
        found = MOVES[name](builder.sizes, builder.pick)
        if found is not None:
            builder.add(name, *found)


JOINS = [
    torch.add,
    torch.mul,
    lambda one, other: torch.cat([one, other.expand_as(one)], -1),
    torch.maximum,
    lambda one, other: one + other.detach() * 0.5,
    lambda one, other: torch.stack(torch.broadcast_tensors(one, other)).sum(0),
]


def program(choices):
    """Both models of a random program, and its input

    Arguments
    ---------
    choices : list of int
        All of them.

    Returns
    -------
    tuple
        Old, new, the input, and the names of the steps.
    """
    builder = Builder(Tape(choices).pick)
    x = numbers(2, 3, 3)
    two = builder.pick([0, 0, 1])
    if two:
        builder.mark("start")
    width = start(builder, x)
    _steps(builder, 3 if two else 5)
    if two:
        first = builder.now
        builder.mark("keep")
        start(builder, x, [width, width, *WIDTHS])
        _steps(builder, 2)
        _join(builder, first)
    if not finish(builder):
        return None
    return (*builder.nets, x, builder.names)


def _join(builder, first):
    """Joins both branches; of other shapes, by what one is on average"""
    how = builder.pick(JOINS)
    pairs = list(zip(first, builder.now))

    def joined(one, other):
        if all(a.numel() == b.numel() for a, b in shapes):
            other = other.reshape(one.shape)
        else:
            other = other.flatten(1).mean(1).view(-1, *[1] * (one.ndim - 1))
        return how(one, other)

    shapes = [(a.shape, b.shape) for a, b in pairs]
    try:
        now = [joined(*pair) for pair in pairs]
    except RuntimeError:
        return
    if all(map(_is_fine, now)) and now[0].ndim == now[1].ndim:
        builder.now = now
        builder.mark("join", joined)


def finish(builder):
    """Reads whatever grows by layers; returns whether nothing does then"""
    while True:
        growing = [d for d, s in enumerate(builder.sizes) if s.old != s.new]
        if not growing:
            return True
        dim = builder.pick(growing)
        size, count = builder.sizes[dim], len(builder.sizes)
        ways = [("linear", _read, (dim,), Own(build=_linear(size)))]
        if count > 2 and builder.pick([0, 0, 0, 0, 1]):
            ways.insert(0, ("mean", torch.Tensor.mean, (dim,)))
        elif dim == count - 1 == 2 and builder.pick([0, 1]):
            own = Own(build=_lstm(size))
            ways.insert(0, ("lstm", lambda x, m: m(x)[0], (), own))
        if not any(builder.add(*way) for way in ways):
            return False


def _read(x, layer, dim):
    """Applies a layer to some axis"""
    return layer(x.movedim(dim, -1))


def _linear(size):
    """Makes a layer that ends an axis"""
    return lambda side: nn.Linear(size[side], 2)


def _lstm(size):
    """Makes a recurrent layer that ends an axis"""
    return lambda side: nn.LSTM(size[side], 2)
