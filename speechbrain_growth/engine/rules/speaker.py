"""Growth rules for SpeechBrain's speaker models: x-vectors and ECAPA-TDNN.

The classifier of ECAPA-TDNN returns cosines: an embedding and each speaker's row
are divided by their norms. So rows can be added, but no unit of an embedding.

Authors
 * The speechbrain_growth authors 2026
"""

from speechbrain.lobes.models import ECAPA_TDNN, Xvector
from speechbrain_growth.engine.maps.signals import Signal
from speechbrain_growth.engine.maps.widths import concat, identity, replicate
from speechbrain_growth.engine.rules.registry import rule
from speechbrain_growth.engine.rules.units import sequence

for _kind in (Xvector.Xvector, ECAPA_TDNN.TDNNBlock):
    rule.register(_kind, sequence)


def _run(name, old, new, signal, trace):
    """Plans a child by its name."""
    return trace.child(name, getattr(old, name), getattr(new, name), signal)


@rule.register(ECAPA_TDNN.Res2NetBlock)
def _res2net(old, new, signal, trace):
    """Chunks of channels; each is added to the output for the chunk before."""
    if old.scale != new.scale:
        trace.problem(
            f"{old.scale} chunks would become {new.scale}; keep their number"
        )
        return signal
    units = old.scale * old.blocks[0].conv.conv.in_channels
    width = signal.width or identity(units, "inputs")
    chunk = signal._replace(width=trace.formed(width, old.scale))
    leaves = [chunk]
    for number in range(old.scale - 1):
        meets = trace.tie(chunk, leaves[-1]) if number else chunk
        pair = (block.blocks[number] for block in (old, new))
        leaves.append(trace.child(f"blocks.{number}", *pair, meets))
    label = f"{old.scale} chunks of {width.label}"
    width = concat(*(one.width for one in leaves), label=label)
    return signal._replace(width=width)


@rule.register(ECAPA_TDNN.SEBlock)
def _squeeze_excitation(old, new, signal, trace):
    """A factor for each channel, from the means of all."""
    factor = signal
    for name in ("conv1", "conv2"):
        factor = _run(name, old, new, factor, trace)
    return trace.tie(signal, factor)


@rule.register(ECAPA_TDNN.SERes2NetBlock)
def _block(old, new, signal, trace):
    """Four layers beside a shortcut, which may have a layer of its own."""
    if (old.shortcut is None) != (new.shortcut is None):
        trace.problem(
            "a shortcut has a layer in one model only; let input and output "
            "channels be equal in both models, or in none"
        )
        return signal
    residual = signal
    if old.shortcut is not None:
        residual = _run("shortcut", old, new, signal, trace)
    for name in ("tdnn1", "res2net_block", "tdnn2", "se_block"):
        signal = _run(name, old, new, signal, trace)
    return trace.tie(residual, signal)


@rule.register(ECAPA_TDNN.AttentiveStatisticsPooling)
def _attentive_pooling(old, new, signal, trace):
    """A weight for each channel and frame; then mean and deviation."""
    times = 3 if old.global_context else 1
    if signal.width is None:
        units = old.conv.conv.out_channels
        signal = signal._replace(width=identity(units, "inputs"))
    scores = signal._replace(width=replicate(signal.width, times))
    for name in ("tdnn", "conv"):
        scores = _run(name, old, new, scores, trace)
    signal = trace.tie(signal, scores)
    label = f"[mean; deviation] x {signal.width.label}"
    return signal._replace(width=replicate(signal.width, 2, label))


@rule.register(ECAPA_TDNN.ECAPA_TDNN)
def _ecapa(old, new, signal, trace):
    """The outputs of all blocks but the first are laid side by side."""
    signal, leaves = Signal(signal.width, False, 3), []
    if len(old.blocks) != len(new.blocks):
        trace.problem(
            "has another number of blocks, whose outputs are joined behind the "
            "last; keep it"
        )
        return signal
    for number, pair in enumerate(zip(old.blocks, new.blocks)):
        signal = trace.child(f"blocks.{number}", *pair, signal)
        leaves.append(signal.width)
    label = f"{len(leaves) - 1} blocks"
    signal = signal._replace(width=concat(*leaves[1:], label=label))
    for name in ("mfa", "asp", "asp_bn", "fc"):
        signal = _run(name, old, new, signal, trace)
    return signal._replace(channels_last=True)


@rule.register(ECAPA_TDNN.Classifier)
def _cosines(old, new, signal, trace):
    """A row for each speaker; all units are divided by one norm."""
    blocks = trace.child("blocks", old.blocks, new.blocks, signal)
    sizes = (layer.weight.shape for layer in (old, new))
    (speakers, units), (more, larger) = sizes
    arriving = trace.arriving(blocks, units, larger)
    if not arriving.is_identity:
        trace.problem(
            f"divides {arriving} by their norm, in which each copy and each "
            "fresh unit would count; keep the size of the embedding"
        )
    own = trace.widen(speakers, more, "speakers")
    trace.tensor("weight", trace.out(own), trace.into(arriving))
    return Signal(own, dims=blocks.dims)
