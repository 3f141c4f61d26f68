"""Rules of functions that layers of torch.nn are made of.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain_growth.engine.maps.widths import repeat_each
from speechbrain_growth.engine.reading.functions.registry import reads
from speechbrain_growth.engine.reading.functions.sums import contract
from speechbrain_growth.engine.reading.recording import leaves_of
from speechbrain_growth.engine.reading.steps import Two, all_of
from speechbrain_growth.engine.rules.norms import group_norm_width

POOLS = "avg max adaptive_avg adaptive_max lp fractional_max".split()


@reads("embedding")
def _embedding(step, input, weight, *args, **kwargs):
    """Columns are copied."""
    if weight.old[0] != weight.new[0]:
        step.refuse(
            f"reads {weight.own}, whose rows grow; use nn.Embedding, to which "
            "tokens can be added, or keep their number"
        )
    if weight.growing and (args[1:2] or [kwargs.get("max_norm")])[0]:
        step.refuse("divides rows by their norms; give no max_norm")
    return (*input.axes, step.width(weight, 1))


@reads("layer_norm rms_norm", sizes=True)
def _layer_norm(step, input, normalized_shape, *tensors, **kwargs):
    """Averages over the last axes, so each unit needs equally many copies."""
    tensors = [*tensors, kwargs.get("weight"), kwargs.get("bias")]
    tensors = [one for one in tensors if hasattr(one, "axes")]
    count = len(normalized_shape)
    step.averaged(input, range(-count, 0))
    axes = list(all_of(step, input))
    for dim in range(-count, 0):
        given = [input, *tensors]
        axes[dim] = step.tie(*(step.width(one, dim) for one in given))
    return tuple(axes)


@reads("batch_norm instance_norm")
def _batch_norm(step, input, *tensors, **kwargs):
    """Each channel alone, over all other axes."""
    given = [*tensors, *kwargs.values()]
    given = [one for one in given if hasattr(one, "axes")]
    axes = list(all_of(step, input))
    others = (d for d in range(len(axes)) if d != 1)
    step.along(input, others, "averages over")
    widths = [step.width(one, 0) for one in given]
    axes[1] = step.tie(step.width(input, 1), *widths)
    return tuple(axes)


@reads("group_norm", sizes=True)
def _group_norm(step, input, num_groups, weight=None, bias=None, eps=1e-5):
    """Averages over the channels of each group."""
    axes, width = list(all_of(step, input)), step.width(input, 1)
    given = [one for one in (weight, bias) if one is not None]
    step.averaged(input, range(2, len(axes)))
    if width is None and isinstance(num_groups, Two):
        step.refuse("gets another number of groups; keep it")
    if width is not None:
        groups = num_groups, num_groups
        if isinstance(num_groups, Two):
            groups = num_groups.old, num_groups.new
        problem = group_norm_width(*groups, width, step.trace)
        if problem:
            step.refuse(problem)
    axes[1] = step.tie(width, *(step.width(one, 0) for one in given))
    return tuple(axes)


@reads("conv1d conv2d conv3d", sizes=True)
def _convolution(
    step, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    """As a linear function at every position; or each channel alone."""
    if any(
        isinstance(one, Two) for one in leaves_of([stride, padding, dilation])
    ):
        step.refuse("moves its kernel otherwise in the larger model")
    kernel = len(weight.old) - 2
    axes, place = list(input.axes), len(input.old) - kernel - 1
    step.along(input, range(-kernel, 0), "moves a kernel along")
    step.along(weight, range(-kernel, 0), "moves a kernel along")
    own = step.width(weight, 0)
    if groups == 1:
        contract(step, input, place, weight, 1)
    elif weight.size(1) == (1, 1) and weight.size(0) == input.size(place):
        own = step.tie(step.width(input, place), own)
    elif input.growing or weight.growing:
        step.refuse("has groups that grow; use a layer, such as nn.Conv2d")
    if bias is not None:
        own = step.tie(own, step.width(bias, 0))
    axes[place] = own
    return tuple(axes)


@reads("conv_transpose1d conv_transpose2d conv_transpose3d")
def _transposed(step, input, weight, bias=None, *args, groups=1, **kwargs):
    """The other way round: rows of the weight are shared."""
    kernel = len(weight.old) - 2
    if [*args[3:4], groups][0] != 1:
        step.refuse("has groups; use a layer, such as nn.ConvTranspose2d")
    axes, place = list(input.axes), len(input.old) - kernel - 1
    step.along(input, range(-kernel, 0), "moves a kernel along")
    step.along(weight, range(-kernel, 0), "moves a kernel along")
    contract(step, input, place, weight, 0)
    axes[place] = step.tie(step.width(weight, 1), bias and step.width(bias, 0))
    return tuple(axes)


@reads("unfold")
def _unfold(step, input, *args, **kwargs):
    """Windows of one axis; or patches of an image, as more channels."""
    if len(step.out.old) == len(input.old) + 1:
        dim = kwargs.get("dimension", args[0] if args else None)
        step.along(input, [dim], "takes windows of")
        return (*all_of(step, input), None)
    step.along(input, [-1, -2], "takes windows of")
    width, axes = step.width(input, -3), [None] * len(step.out.old)
    if width is not None:
        each = step.out.old[-2] // input.old[-3]
        axes[-2] = repeat_each(width, each, width.label)
    return tuple(axes)


def _spatial(count):
    """A rule for what works on some last axes."""

    def rule(step, input, *args, **kwargs):
        """The axes before them stay."""
        step.along(input, range(-count, 0), "pools, or resamples,")
        return [all_of(step, input) for _ in step.outs]

    return rule


for _count in (1, 2, 3):
    for _kind in POOLS:
        _names = f"{_kind}_pool{_count}d {_kind}_pool{_count}d_with_indices"
        reads(_names)(_spatial(_count))


@reads("interpolate upsample grid_sample")
def _interpolate(step, input, *args, **kwargs):
    """On all axes after the second."""
    for one in (*args, *kwargs.values()):
        if hasattr(one, "growing") and one.growing:
            step.refuse("takes positions from a tensor that grows")
    return _spatial(len(input.old) - 2)(step, input)


@reads("fold")
def _fold(step, input, *args, **kwargs):
    """Groups of channels become patches of an image."""
    step.along(input, [-1], "adds up windows of")
    width, axes = step.width(input, -2), [None] * len(step.out.old)
    if width is not None:
        each = input.old[-2] // step.out.old[-3]
        axes[-3] = step.formed(width, each=each)
    return tuple(axes)


@reads("weight_norm weight_norm_interface")
def _weight_norm(step, *args, **kwargs):
    """Refused: the norm of a row counts what its columns share."""
    step.refuse(
        "computes a layer's weights from others; remove it before the growth "
        "and add it again afterwards"
    )
