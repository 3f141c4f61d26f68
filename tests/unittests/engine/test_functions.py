"""Each function grows exactly on axes that stay, and is refused on units.

Authors
 * The speechbrain_growth authors 2026
"""

import re

import pytest
import torch
from moves import Own, P
from programs import Builder, finish, numbers
from test_compositions import carried
from torch import nn
from torch.nn import functional as F

UNITS = P(4, 8)
ONE, TWO, THREE = P(1, 1), P(2, 2), P(3, 3)
ROW, MATRIX, TALL = (UNITS,), (THREE, UNITS), (UNITS, THREE)
KERNEL = THREE, UNITS, TWO  # of a convolution, which reads the units
COUNT, EACH, MEET = "count several times", "equally many copies", "unit by unit"
KEEP, COMPUTED = "keep that number", "two computed tensors"


def write(x, index, value):
    """Writes into a copy"""
    x = x.clone()
    x[index] = value
    return x


def write_in_view(x):
    """Writes into a copy by a view of it"""
    x = x.clone()
    x.transpose(1, 2).mul_(2)
    return x


def rotary(x):
    """Turns pairs of units by their position"""
    one, other = x.chunk(2, -1)
    turned = torch.cat([-other, one], -1)
    angle = torch.arange(3.0, dtype=x.dtype)[:, None]
    return x * angle.cos() + turned * angle.sin()


def heads(x, count):
    """Units in heads, before time"""
    return x.reshape(*x.shape[:2], count, -1).transpose(1, 2)


def attend(x, count=None, **options):
    """Attention, with heads of two units if their number is not given"""
    q = heads(x, count or x.shape[-1] // 2)
    return F.scaled_dot_product_attention(q, q.tanh(), q, **options).flatten(1)


# What is done to (batch 2, time 3, units 4 that become 8), with own tensors
EXACT = {
    "view": lambda x: x.view(x.shape[0], -1),
    "reshape to channels": lambda x: x.reshape(2, 3, x.shape[-1] // 2, 2),
    "unflatten": lambda x: x.unflatten(-1, (2, -1)),
    "transpose": lambda x: x.transpose(1, 2).flatten(1),
    "permute": lambda x: x.permute(2, 0, 1),
    "movedim": lambda x: x.movedim(-1, 0),
    "cat of units": lambda x: torch.cat([x, x.tanh()], -1),
    "cat over time": lambda x: torch.cat([x, torch.zeros_like(x)], 1),
    "cat of units and a mean": lambda x: torch.cat(
        [x.mean(-1, keepdim=True), x], -1
    ),
    "stack": lambda x: torch.stack([x, x.tanh()], 1),
    "split": lambda x: x.split(x.shape[-1] // 2, -1)[1],
    "chunk": lambda x: x.chunk(2, -1)[0] * x.chunk(2, -1)[1],
    "second half": lambda x: x[..., x.shape[-1] // 2 :],
    "unbind of time": lambda x: x.unbind(1)[2],
    "last of time": lambda x: x[:, -1],
    "every second of time": lambda x: x[:, ::2],
    "positions of time": lambda x: x[:, [0, 2]],
    "select": lambda x: x.select(1, 1),
    "expand": lambda x: x[:, :1].expand(-1, 5, -1),
    "expand to units": lambda x: x.mean(-1, True).expand(x.shape) * x,
    "repeat of units": lambda x: x.repeat(1, 1, 2),
    "repeat_interleave": lambda x: x.repeat_interleave(3, -1),
    "squeeze": lambda x: x.unsqueeze(1).squeeze(),
    "pad of time": lambda x: F.pad(x, (0, 0, 1, 1)),
    "roll of time": lambda x: x.roll(1, 1),
    "flip of time": lambda x: x.flip(0, 1),
    "pool of time": lambda x: F.avg_pool1d(x.mT, 2),
    "interpolate": lambda x: F.interpolate(x.mT, scale_factor=2),
    "unfold of an image": lambda x: F.unfold(x.mT[..., None], (2, 1)),
    "grid_sample": lambda x: F.grid_sample(
        x.mT[..., None], torch.zeros(2, 1, 1, 2).to(x), align_corners=False
    ),
    "fold": lambda x: F.fold(F.unfold(x.mT[..., None], (2, 1)), (3, 1), (2, 1)),
    "windows": lambda x: x.unfold(1, 2, 1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x.mT[..., None], 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(
        F.pad(x, (0, 0, 1, 0)).mT.reshape(2, -1, 2, 2), 2
    ),
    "glu": lambda x: F.glu(x),
    "softmax of time": lambda x: x.softmax(1),
    "sum over time": lambda x: x.sum(1),
    "norm over time": lambda x: x.norm(2, 1),
    "normalize over time": lambda x: F.normalize(x),
    "cumsum over time": lambda x: x.cumsum(1),
    "diff over time": lambda x: x.diff(dim=1),
    "logsumexp over time": lambda x: x.logsumexp(1),
    "topk over time": lambda x: x.topk(1, 1)[0],
    "sort over time": lambda x: x.sort(1)[0],
    "var over time": lambda x: x.var(1),
    "spectrum over time": lambda x: torch.fft.fft(x, dim=1).abs(),
    "mean of units": lambda x: x * x.mean(-1, keepdim=True),
    "largest unit": lambda x: x * x.amax(-1, keepdim=True),
    "var of units": lambda x: x * x.var(-1, unbiased=False, keepdim=True),
    "std of units": lambda x: x * x.std(-1, correction=0, keepdim=True),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[-1:]),
    "rms_norm": lambda x: F.rms_norm(x, x.shape[-1:]),
    "group_norm": lambda x: F.group_norm(x.mT, 2),
    "more groups": lambda x: F.group_norm(x.mT, x.shape[-1] // 2),
    "instance_norm": lambda x: F.instance_norm(x.mT),
    "batch_norm": lambda x: F.batch_norm(x.mT, None, None, training=True),
    "attention of more heads": attend,
    "causal attention": lambda x: attend(x, is_causal=True),
    "attention of parts of heads": lambda x: F.scaled_dot_product_attention(
        heads(x, x.shape[-1] // 2)[..., :1],
        heads(x, x.shape[-1] // 2)[..., 1:],
        heads(x, x.shape[-1] // 2),
    ).flatten(1),
    "attention over values": lambda x: torch.softmax(
        torch.ones(2, 3, 3, dtype=x.dtype), -1
    )
    @ x,
    "bmm": lambda x: torch.bmm(torch.ones(2, 2, 3, dtype=x.dtype), x),
    "baddbmm": lambda x: torch.baddbmm(
        x[:, :2], torch.ones(2, 2, 3, dtype=x.dtype), x
    ),
    "einsum": lambda x: torch.einsum("bti,bsi->bsti", x, x.tanh()),
    "einsum with dots": lambda x: torch.einsum("b...,b...->b...", x, x),
    "einsum without an arrow": lambda x: torch.einsum("bti,bsj", x, x[:, :1]),
    "outer product of two": lambda x: x.unsqueeze(-1) * x[:, :1].unsqueeze(-2),
    "cosine_similarity over time": lambda x: F.cosine_similarity(x, x.tanh()),
    "cdist over time": lambda x: torch.cdist(x.mT, x.mT),
    "where": lambda x: torch.where(x > 0, x, 0.1 * x),
    "masked_fill": lambda x: x.masked_fill(x < 0, 0.0),
    "mask of lengths": lambda x: x * (torch.arange(3) < 2)[:, None].to(x),
    "clamp": lambda x: x.clamp(-1, x.detach().new_tensor(1.0)),
    "gather over time": lambda x: x.gather(1, x.argsort(1)),
    "setitem": lambda x: write(x, (slice(None), 0), x[:, 1].tanh()),
    "setitem of units": lambda x: write(
        x, (..., slice(x.shape[-1] // 2)), x[..., x.shape[-1] // 2 :]
    ),
    "setitem of zeros": lambda x: write(torch.zeros_like(x), 0, x[1]),
    "in place": lambda x: x.clone().mul_(2).add_(x),
    "in place by a view": write_in_view,
    "rotary": rotary,
    "full": lambda x: x + torch.full(x.shape, 2.0).to(x),
    "one_hot": lambda x: F.one_hot((x > 0).long(), 2).to(x) * x[..., None],
    "argmax over time": lambda x: x * x.argmax(1, keepdim=True).to(x),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x, x[:, :1])[1],
    "fp32 and back": lambda x: x.to(torch.float32).to(x.dtype) * 0 + x,
}
OWN = {
    "scale": (lambda x, w: x * w, ROW),
    "exponent of a scale": (lambda x, w: x * w.exp(), ROW),
    "a token before": (
        lambda x, w: torch.cat([w.expand(2, -1, -1), x], 1),
        (ONE, *(ONE, UNITS)),
    ),
    "rows of a table": (lambda x, w: x + w[torch.arange(3)], MATRIX),
    "embedding": (lambda x, w: x + F.embedding(torch.arange(3), w), MATRIX),
    "matmul": (lambda x, w: x @ w, TALL),
    "linear": (lambda x, w: F.linear(x, w.contiguous().double()), MATRIX),
    "a part of a weight": (lambda x, w: F.linear(x, w.chunk(3)[1]), MATRIX),
    "a row of a weight": (lambda x, w: x @ w[1], MATRIX),
    "addmm": (lambda x, w: torch.addmm(x.new_ones(3), x[0], w), TALL),
    "tensordot": (lambda x, w: torch.tensordot(x, w, 1), TALL),
    "einsum": (lambda x, w: torch.einsum("...i,oi->...o", x, w), MATRIX),
    "inner": (torch.inner, MATRIX),
    "conv1d": (lambda x, w: F.conv1d(x.mT, w), KERNEL),
    "depthwise": (
        lambda x, w: F.conv1d(x.mT, w, groups=x.shape[-1]),
        (UNITS, ONE, TWO),
    ),
    "conv_transpose1d": (
        lambda x, w: F.conv_transpose1d(x.mT, w),
        (UNITS, THREE, TWO),
    ),
    "layer_norm": (lambda x, w: F.layer_norm(x, w.shape, w, w), ROW),
    "prelu": (lambda x, w: F.prelu(x.mT, w), ROW),
}
REFUSED = {
    "sum": (lambda x: x.sum(-1), COUNT),
    "softmax": (lambda x: x.softmax(-1), COUNT),
    "norm": (lambda x: x * x.norm(2), COUNT),
    "normalize": (lambda x: F.normalize(x, dim=-1), COUNT),
    "roll of all": (lambda x: x.roll(1), COUNT),
    "flip of two": (lambda x: x.flip(2, 1), COUNT),
    "sort": (lambda x: x.sort()[0], COUNT),
    "topk": (lambda x: x.topk(1)[0], COUNT),
    "median": (lambda x: x.median(-1)[0], COUNT),
    "diff": (lambda x: x.diff(), COUNT),
    "diff with another": (lambda x: x.diff(dim=1, prepend=x), "torch.cat"),
    "spectrum": (lambda x: torch.fft.fft(x).abs(), COUNT),
    "triu": (lambda x: x.triu(), COUNT),
    "pad": (lambda x: F.pad(x, (1, 0)), COUNT),
    "pool": (lambda x: F.max_pool1d(x, 2), COUNT),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=2), COUNT),
    "one unit": (lambda x: x[..., 0], COUNT),
    "some units": (lambda x: x[..., [0, 1]], COUNT),
    "gather": (lambda x: x.gather(-1, x.argsort(1)), COUNT),
    "every second": (lambda x: x[..., ::2], "every so many units"),
    "unbind": (lambda x: sum(x.unbind(-1)), COUNT),
    "last of parts": (lambda x: x.unbind(-1)[-1], COUNT),
    "parts of no old units": (
        lambda x: x.split([x.shape[-1] - 4, 4], -1)[1],
        "cuts",
    ),
    "unbiased var": (lambda x: x.var(-1), "unbiased=False"),
    "std of all": (lambda x: x * x.std(), "unbiased=False"),
    "cosine_similarity": (
        lambda x: F.cosine_similarity(x, x.tanh(), -1),
        COUNT,
    ),
    "cdist": (lambda x: torch.cdist(x, x), COUNT),
    "products": (lambda x: x @ x.mT, COMPUTED),
    "einsum": (lambda x: torch.einsum("bti,bsi->bts", x, x), COMPUTED),
    "einsum of one": (lambda x: torch.einsum("bti->bt", x), COUNT),
    "einsum that broadcasts": (
        lambda x: torch.einsum("bti,bti->bt", x.mean(-1, True), x),
        COUNT,
    ),
    "attention over units": (
        lambda x: F.scaled_dot_product_attention(x.mT, x.mT, x.mT),
        "softmax along",
    ),
    "larger heads": (lambda x: attend(x, 2), COMPUTED),
    "norm of positions": (
        lambda x: F.batch_norm(x, None, None, training=True),
        COUNT,
    ),
    "instance_norm": (lambda x: F.instance_norm(x), COUNT),
    "first of what is new": (
        lambda x: x.mean(-1, True)[:, x.shape[-1] % 3],
        KEEP,
    ),
    "places by a size": (
        lambda x: x[:, x.shape[-1] // 4 - 1 : x.shape[-1] // 4 + 1],
        "takes positions",
    ),
    "narrow by a size": (lambda x: x.narrow(1, x.shape[-1] // 8, 1), "keep"),
    "filled with a size": (
        lambda x: x * torch.full((3, 1), x.shape[-1]).to(x),
        KEEP,
    ),
    "written size": (lambda x: write(x, 0, x.shape[-1]), "another number"),
    "divided by a size": (lambda x: x.exp() / x.shape[-1], KEEP),
    "padded by a size": (
        lambda x: F.pad(x.mean(-1), (x.shape[-1] // 8, 1 - x.shape[-1] // 8)),
        "pads otherwise",
    ),
    "position of units": (lambda x: x + torch.arange(x.shape[-1]), KEEP),
    "mismatch": (lambda x: x.repeat(1, 1, 2) + _each(x), "laid out"),
    "more often": (lambda x: x.repeat(1, 1, x.shape[-1] // 4), "more often"),
}
REFUSED_OWN = {
    "weight by tanh": (lambda x, w: F.linear(x, w.tanh()), MATRIX, COMPUTED),
    "normed weight": (
        lambda x, w: F.linear(x, F.normalize(w, dim=0)),
        MATRIX,
        COMPUTED,
    ),
    "centred weight": (
        lambda x, w: F.linear(x, w - w.mean(1, True)),
        MATRIX,
        COMPUTED,
    ),
    "both roles": (lambda x, w: F.linear(x * w[0], w), MATRIX, "tied weights"),
    "kernel over units": (
        lambda x, w: F.conv1d(x, w, padding=1),
        (THREE, THREE, THREE),
        "moves a kernel along",
    ),
    "groups of uneven copies": (
        lambda x, w: F.group_norm(
            torch.cat([x.mT, w[:, None].expand(2, -1, 3)], 1), 1
        ),
        (P(2, 10),),
        EACH,
    ),
    "a norm over two axes": (
        lambda x, layer: layer(x.mT),
        Own(
            build=lambda side: nn.LayerNorm(
                (UNITS[side], 3), elementwise_affine=False
            )
        ),
        COUNT,
    ),
    "a larger image": (
        lambda x, layer: layer(x.mT[:, None]),
        Own(build=lambda side: nn.Upsample(scale_factor=2)),
        COUNT,
    ),
    "groups": (
        lambda x, w: F.conv1d(x.mT, w, groups=2),
        (P(4, 8), P(2, 4), ONE),
        "groups that grow",
    ),
    "max_norm": (
        lambda x, w: x + F.embedding(torch.arange(3), w, max_norm=1.0),
        MATRIX,
        "max_norm",
    ),
}


def _each(x):
    """Units twice in a row each"""
    return x.repeat_interleave(2, -1)


def models(function, own=()):
    """Two models with a function between two linear layers"""
    builder = Builder(lambda things: things[0])
    inputs = numbers(2, 3, 3)
    builder.now = [inputs, inputs]
    first = Own(build=lambda side: nn.Linear(3, UNITS[side]))
    assert builder.add("first", lambda x, layer: layer(x), (), first)
    own = Own(own) if type(own) is tuple and own else own or None
    assert builder.add("it", function, (), own)
    assert finish(builder)
    return (*builder.nets, inputs)


@pytest.mark.parametrize("name", EXACT)
def test_it_is_exact(name):
    far = carried(*models(EXACT[name]), "shares")
    assert isinstance(far, float) and far < 1e-12, far


@pytest.mark.parametrize("name", OWN)
def test_it_is_exact_with_own_tensors(name):
    far = carried(*models(*OWN[name]), "shares")
    assert isinstance(far, float) and far < 1e-12, far


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused(name):
    function, message = REFUSED[name]
    why = carried(*models(function), "shares")
    assert isinstance(why, str) and re.search(message, why), why


@pytest.mark.parametrize("name", REFUSED_OWN)
def test_it_is_refused_with_own_tensors(name):
    function, own, message = REFUSED_OWN[name]
    why = carried(*models(function, own), "shares")
    assert isinstance(why, str) and re.search(message, why), why
