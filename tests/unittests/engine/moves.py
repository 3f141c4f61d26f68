"""Single steps of random forwards, for test_compositions.py.

A move takes the sizes of a tensor in both models, a pair for each axis, and a
function that picks one of several things. It returns a function and its
arguments, or None where it does not apply.

Authors
 * The speechbrain_growth authors 2026
"""

from typing import NamedTuple

import torch
from torch.nn import functional as F

MOVES = {}


class P(NamedTuple):
    """A number, or a shape, in the old and in the new model"""

    old: object
    new: object


class Own(NamedTuple):
    """A parameter of some sizes, or a layer made by a function of the model"""

    sizes: tuple = ()
    build: object = None


def move(function):
    """Adds a move to the table"""
    MOVES[function.__name__.strip("_")] = function
    return function


def each(names, make):
    """Adds a move for each of some functions"""
    for name in names.split():
        MOVES[name] = make(name)


def axis(sizes, pick, where=lambda size: True):
    """Some axis, seldom one that grows; None if there is none"""
    fit = [d for d, size in enumerate(sizes) if where(size)]
    still = [d for d in fit if sizes[d].old == sizes[d].new]
    fit += 9 * still
    if not fit:
        return None
    dim = pick(fit)
    return pick([dim, dim, dim - len(sizes)])


def shape(sizes):
    """Sizes as a shape in each model"""
    return P(tuple(s.old for s in sizes), tuple(s.new for s in sizes))


def times(one, other):
    """The product of two sizes"""
    return P(one.old * other.old, one.new * other.new)


def over(size, number):
    """A part of a size"""
    return P(size.old // number, size.new // number)


def halves(size):
    """Whether a size can be halved"""
    return size.old % 2 == size.new % 2 == 0


# Shapes


@move
def split_axis(sizes, pick):
    number = pick([2, 3])
    dim = axis(sizes, pick, lambda s: s.old % number == s.new % number == 0)
    if dim is None:
        return None
    dim %= len(sizes)
    parts = [P(number, number), over(sizes[dim], number)]
    parts = parts[:: pick([1, -1])]
    if pick([0, 1]):
        return lambda x, d, p: x.unflatten(d, p), (dim, shape(parts))
    wanted = [*sizes[:dim], *parts, *sizes[dim + 1 :]]
    return torch.Tensor.reshape, (shape(wanted),)


@move
def merge_axes(sizes, pick):
    if len(sizes) < 2:
        return None
    first = pick(list(range(len(sizes) - 1)))
    return torch.flatten, (first, first + 1)


@move
def flatten_all(sizes, pick):
    return pick(
        [
            (lambda x: x.flatten(1), ()),
            (lambda x: x.reshape(x.shape[0], -1), ()),
            (lambda x: x.reshape(-1, x.shape[-1]), ()),
        ]
    )


@move
def relabel(sizes, pick):
    """Other axes by reshape alone, which mixes them"""
    dims = list(range(len(sizes)))
    order = [dims.pop(pick(range(len(dims)))) for _ in sizes]
    return torch.Tensor.reshape, (shape([sizes[d] for d in order]),)


@move
def order(sizes, pick):
    dims = list(range(len(sizes)))
    found = [dims.pop(pick(range(len(dims)))) for _ in sizes]
    return torch.Tensor.permute, (*found,)


@move
def transpose(sizes, pick):
    dims = range(-len(sizes), len(sizes))
    name = pick(["transpose", "swapaxes", "movedim"])
    return getattr(torch.Tensor, name), (pick(dims), pick(dims))


@move
def turn(sizes, pick):
    return lambda x: x.mT, ()


@move
def unsqueeze(sizes, pick):
    return torch.unsqueeze, (pick(range(len(sizes) + 1)),)


@move
def squeeze(sizes, pick):
    return pick([(torch.squeeze, ()), (torch.squeeze, (axis(sizes, pick),))])


@move
def expand(sizes, pick):
    size = pick([P(2, 2), P(2, 4), *sizes])
    wanted = shape([size, *sizes])
    fill = torch.Tensor.expand
    if pick([0, 1]):
        dim = axis(sizes, pick) % len(sizes)
        wanted = shape([*sizes[:dim], size, *sizes[dim:]])
        return lambda x, d, w: x.unsqueeze(d).expand(w), (dim, wanted)
    return fill, (wanted,)


@move
def repeat(sizes, pick):
    counts = [1] * len(sizes)
    counts[axis(sizes, pick)] = pick([2, 3, P(2, 4)])
    return torch.Tensor.repeat, (*counts,)


@move
def repeat_interleave(sizes, pick):
    number = pick([2, 2, 3, P(1, 2)])
    return torch.repeat_interleave, (number, axis(sizes, pick))


@move
def pixels(sizes, pick):
    if len(sizes) < 3:
        return None
    return pick([F.pixel_shuffle, F.pixel_unshuffle]), (2,)


# Joins and parts


@move
def join(sizes, pick):
    other = pick([torch.tanh, torch.neg, torch.zeros_like, lambda x: x])
    two = pick(
        [
            lambda x, d: torch.cat([x, other(x)], d),
            lambda x, d: torch.cat([other(x), x, x], d),
            lambda x, d: torch.stack([x, other(x)], d),
            lambda x, d: torch.cat([x, x.mean(d, keepdim=True)], d),
            lambda x, d: torch.cat([x[:, :1], x], 1),
        ]
    )
    return two, (axis(sizes, pick),)


@move
def part(sizes, pick):
    dim = axis(sizes, pick, halves)
    if dim is None:
        return None
    after = pick(
        [
            lambda parts, d: parts[0],
            lambda parts, d: parts[1],
            lambda parts, d: parts[0] * torch.sigmoid(parts[1]),
            lambda parts, d: torch.cat([parts[1], parts[0]], d),
            lambda parts, d: torch.cat([-parts[1], parts[0]], d),
        ]
    )
    cut = pick(["chunk", "split", "sizes"])
    half = over(sizes[dim], 2)
    if cut == "chunk":
        return lambda x, d: after(x.chunk(2, d), d), (dim,)
    half = [half, half] if cut == "sizes" else half
    return lambda x, h, d: after(x.split(h, d), d), (half, dim)


@move
def uneven_parts(sizes, pick):
    """Parts of one unit and the rest, or of what is new and the rest"""
    dim = axis(sizes, pick, lambda s: s.old > 1)
    if dim is None:
        return None
    old, new = sizes[dim]
    ends = [P(1, 1), P(old - 1, new - 1), P(1, 1 + new - old)]
    one = pick(ends)
    rest = P(old - one.old, new - one.new)
    place = pick([0, 1])
    return lambda x, p, d: x.split(p, d)[place], ([one, rest], dim)


@move
def unbind(sizes, pick):
    after = pick([sum, lambda parts: parts[0], lambda parts: parts[-1]])
    return lambda x, d: after(x.unbind(d)), (axis(sizes, pick),)


@move
def slices(sizes, pick):
    dim = axis(sizes, pick, lambda s: s.old > 1) or 0
    dim %= len(sizes)
    old, new = sizes[dim]
    item = pick(
        [
            slice(None, over(sizes[dim], 2)),
            slice(over(sizes[dim], 2), None),
            slice(P(old - 2, new - 2), P(old - 1, new - 1)),
            slice(None, -1),
            slice(1, None),
            slice(None, None, 2),
            P(old - 1, new - 1),
            P(0, 1),
            0,
            -1,
            [0, 1],
            torch.tensor([1, 0]),
            None,
            slice(0, P(old, new)),
        ]
    )
    front = pick([(slice(None),) * dim, (Ellipsis,)])
    return torch.Tensor.__getitem__, ((*front, item),)


@move
def narrow(sizes, pick):
    dim = axis(sizes, pick, lambda s: s.old > 1)
    if dim is None:
        return None
    old, new = sizes[dim]
    start, many = pick(
        [
            (0, over(sizes[dim], 2)),
            (1, P(old - 1, new - 1)),
            (P(0, 1), 1),
            (P(old - 1, new - 1), 1),
        ]
    )
    return torch.narrow, (dim, start, many)


@move
def select(sizes, pick):
    dim = axis(sizes, pick)
    last = P(sizes[dim].old - 1, sizes[dim].new - 1)
    return torch.select, (dim, pick([0, -1, last]))


@move
def index_select(sizes, pick):
    places = torch.tensor(pick([[0], [0, 0], [1, 0]]))
    return torch.index_select, (axis(sizes, pick), places)


@move
def gather(sizes, pick):
    return (
        lambda x, d: x.gather(d, x.argsort(d).argsort(d)),
        (axis(sizes, pick),),
    )


@move
def write(sizes, pick):
    def assign(x, item, value):
        x = x.clone()
        x[item] = value(x[item])
        return x

    dim = axis(sizes, pick) % len(sizes)
    size = sizes[dim]
    item = pick(
        [
            0,
            slice(0, 1),
            slice(None, over(size, 2)),
            slice(None),
            P(size.old - 1, size.new - 1),
        ]
    )
    value = pick([lambda part: 0.0, torch.tanh, lambda part: part.flip(0)])
    return assign, ((*(slice(None),) * dim, item), value)


@move
def pad(sizes, pick):
    count = pick([0, 0, 1, 2])
    places = [0, 0] * count + pick([[1, 0], [0, 1], [1, 1], [P(0, 1), 1]])
    how = pick([{}, {"value": 1.0}])
    return lambda x, p: F.pad(x, p, **how), (places,)


@move
def pad_by_copies(sizes, pick):
    how = pick(["replicate", "reflect", "circular"])
    return lambda x: F.pad(x, (1, 1), how), ()


@move
def roll(sizes, pick):
    dims = axis(sizes, pick), axis(sizes, pick)
    return pick(
        [
            (torch.roll, (1,)),
            (torch.roll, (1, dims[0])),
            (torch.roll, ((1, 1), dims)),
            (torch.roll, (over(sizes[dims[0]], 2), dims[0])),
            (torch.Tensor.flip, (dims[0],)),
            (torch.Tensor.flip, dims),
            (torch.flip, (dims,)),
        ]
    )


@move
def glu(sizes, pick):
    dim = axis(sizes, pick, halves)
    return None if dim is None else (F.glu, (dim,))


# Reductions


def _reduction(name):
    def found(sizes, pick):
        keep = pick([{}, {"keepdim": True}])
        function = getattr(torch, name)
        dims = pick(
            [
                (axis(sizes, pick),),
                (axis(sizes, pick),),
                ((0, len(sizes) - 1),),
                (),
            ]
        )
        keep = keep if dims else {}
        after = pick([lambda x, y: y, lambda x, y: x * y])

        def reduced(x, *dims):
            out = function(x, *dims, **keep)
            return after(x, out if torch.is_tensor(out) else out[0])

        return reduced, dims

    return found


each(
    "sum mean amax amin max min var std logsumexp prod median nanmean argmax",
    _reduction,
)


@move
def deviation(sizes, pick):
    keep = {"keepdim": True}
    how = pick([{"unbiased": False}, {"correction": 0}, {"correction": 1}])
    name = pick(["var", "std"])
    return (
        lambda x, d: getattr(x, name)(d, **how, **keep),
        (axis(sizes, pick),),
    )


@move
def norms_of(sizes, pick):
    dim = axis(sizes, pick)
    return pick(
        [
            (lambda x, d: x / (1 + x.norm(dim=d, keepdim=True)), (dim,)),
            (lambda x, d: x.norm(2, d), (dim,)),
            (lambda x: x.norm(2), ()),
            (lambda x, d: torch.linalg.vector_norm(x, 2, d), (dim,)),
            (lambda x, d: F.normalize(x, 2.0, d), (dim,)),
            (lambda x: F.normalize(x), ()),
            (lambda x, d: F.cosine_similarity(x, x.flip(0) + 1, d), (dim,)),
            (lambda x: F.cosine_similarity(x, x.tanh() + 1), ()),
        ]
    )


@move
def along(sizes, pick):
    dim = axis(sizes, pick)
    name = pick("softmax log_softmax cumsum cumprod diff cummax sort".split())
    if name == "diff":
        return lambda x, d: x.diff(dim=d), (dim,)

    def found(x, d):
        out = getattr(x, name)(d)
        return out if torch.is_tensor(out) else out[0]

    return found, (dim,)


@move
def top(sizes, pick):
    dim = axis(sizes, pick)
    return pick(
        [
            (lambda x, d: x.topk(1, d)[0], (dim,)),
            (lambda x: x.topk(1)[0], ()),
            (lambda x: x.kthvalue(1)[0], ()),
            (lambda x: x.sort()[0], ()),
            (lambda x: x.median(), ()),
            (lambda x, d: x.quantile(0.5, d), (dim,)),
            (lambda x, d: (x > 0).any(d).to(x), (dim,)),
        ]
    )


# Pointwise


def _alone(name):
    return lambda sizes, pick: (ALONE[name], ())


ALONE = {
    "tanh": torch.tanh,
    "root": lambda x: (x.abs() + 1).sqrt(),
    "square": lambda x: x.clamp(-3, 3) ** 2,
    "clamp": lambda x: x.clamp(min=-1, max=x.detach().new_ones(())),
    "detach": lambda x: x.detach().to(torch.float64),
    "where": lambda x: torch.where(x > 0, x, 0.1 * x),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0.0),
    "maximum": lambda x: torch.maximum(x, torch.tanh(x)),
    "in_place": lambda x: x.clone().add_(1).mul_(x),
    "view_in_place": lambda x: _in_view(x),
    "lerp": lambda x: torch.lerp(x, x.tanh(), 0.3),
    "addcmul": lambda x: torch.addcmul(x, x, x.tanh(), value=0.5),
    "rsub": lambda x: 1 - x,
    "gate": lambda x: x * torch.sigmoid(x.mean(-1, keepdim=True)),
    "spread": lambda x: x - x.transpose(-1, -2).flip(0).mT,
    "drop_path": lambda x: x * x.new_ones((x.shape[0],) + (1,) * (x.ndim - 1)),
    "noise": lambda x: x + torch.zeros(x.shape, dtype=x.dtype),
    "same_shape": lambda x: x + torch.full(x.shape, 0.5, dtype=x.dtype),
    "mask": lambda x: x.masked_fill(
        torch.ones(x.shape[-2:], dtype=torch.bool).triu(1), 0.0
    ),
    "triu": lambda x: x.triu(),
    "positions": lambda x: x + torch.arange(x.shape[-1]).to(x),
    "row_positions": lambda x: x + torch.arange(x.shape[-2])[:, None].to(x),
    "lengths": lambda x: x
    * (torch.arange(x.shape[1]) < 2).view(-1, *[1] * (x.ndim - 2)).to(x),
    "one_hot": lambda x: F.one_hot(x.argmax(-1), x.shape[-1]).to(x) * x,
    "own_sum": lambda x: x + x.flip(0),
    "softmax_of_two": lambda x: torch.stack([x, -x]).softmax(0)[0],
    "interpolate": lambda x: F.interpolate(x, scale_factor=2),
    "prelu": lambda x: F.prelu(x, x.new_full((1,), 0.1)),
}


def _in_view(x):
    """Writes into a tensor by a view"""
    out = x.clone()
    out.unsqueeze(0)[0].mul_(2)
    out.transpose(0, -1).add_(x.transpose(0, -1))
    return out


each(" ".join(ALONE), _alone)


@move
def numbers(sizes, pick):
    """Numbers made of sizes"""
    size = pick(list(sizes))
    number = P(float(size.old), float(size.new))
    return pick(
        [
            (lambda x, n: x / n, (number,)),
            (lambda x, n: x + x.new_full((1,), n), (number,)),
            (lambda x, n: x * torch.full_like(x, n), (number,)),
            (lambda x, n: x * torch.full((2,), n).sum(), (number,)),
            (lambda x, n: torch.addcmul(x, x, x, value=n), (number,)),
            (lambda x, n: x.pow(n), (P(int(size.old), int(size.new)),)),
        ]
    )
