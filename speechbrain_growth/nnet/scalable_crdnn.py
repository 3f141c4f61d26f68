"""A CRDNN that can become deeper while it trains.

Authors
 * The speechbrain_growth authors 2026
"""

import inspect
from typing import Any, Optional, Sequence

from speechbrain.lobes.models.CRDNN import CRDNN, CNN_Block, DNN_Block
from speechbrain.nnet.containers import Sequential
from speechbrain.nnet.linear import Linear
from speechbrain_growth.errors import GrowthError
from speechbrain_growth.nnet.gated import Gated
from speechbrain_growth.nnet.quick import quicken

STOCK = {
    name: parameter.default
    for name, parameter in inspect.signature(CRDNN).parameters.items()
}


class ScalableCRDNN(CRDNN):
    """Stock CRDNN to which blocks can be added, and quicker on a CPU.

    Without added blocks, names, state dict and results are the stock model's.
    An added block is ``x + g f(x)`` (see ``Gated``) and keeps the width of its
    input: two convolutions without pooling at the end of the CNN, a recurrent
    layer after the RNN, a linear block at the end of the DNN.

    Arguments
    ---------
    input_size : int
        As for the stock model.
    input_shape : tuple
        As for the stock model.
    extra_cnn_blocks : int
        Number of blocks added after the CNN's.
    extra_rnn_layers : int
        Number of layers added after the RNN's.
    extra_dnn_blocks : int
        Number of blocks added after the DNN's.
    **stock : dict
        As for the stock model, by name. ``rnn_neurons`` and ``dnn_neurons``
        may be lists, with one number for each layer or block; a list makes
        the RNN a container of layers ``layer_0`` and so on.

    Example
    -------
    >>> model = ScalableCRDNN(input_size=8, cnn_channels=[2, 4])
    >>> stock = CRDNN(input_size=8, cnn_channels=[2, 4])
    >>> stock.load_state_dict(model.state_dict(), strict=True)
    <All keys matched successfully>
    >>> deeper = ScalableCRDNN(
    ...     input_size=8, cnn_channels=[2, 4], extra_dnn_blocks=1
    ... )
    >>> list(deeper.DNN)
    ['block_0', 'block_1', 'extra_0']
    """

    def __init__(
        self,
        input_size: Optional[int] = None,
        input_shape: Optional[Sequence[Optional[int]]] = None,
        extra_cnn_blocks: int = 0,
        extra_rnn_layers: int = 0,
        extra_dnn_blocks: int = 0,
        **stock: Any,
    ) -> None:
        options = {**STOCK, **stock}
        extra = {
            "cnn_blocks": extra_cnn_blocks,
            "rnn_layers": extra_rnn_layers,
            "dnn_blocks": extra_dnn_blocks,
        }
        _check(options, extra)
        listed = [k for k in ("rnn_neurons", "dnn_neurons") if _many(stock, k)]
        for key in listed:
            stock[key] = stock[key][-1]
        if listed:
            stock["dnn_blocks"] = 0  # they are added below, after the RNN
        if "rnn_neurons" in listed:
            stock["rnn_layers"] = 0
        super().__init__(input_size, input_shape, **stock)
        if "rnn_neurons" in listed:
            self._append_rnn(options)
        if listed:
            self._append_dnn(options)
        for index in range(extra_cnn_blocks):
            self._extend_cnn(options, f"extra_{index}")
        for index in range(extra_rnn_layers):
            self._extend_rnn(options, f"RNN_extra_{index}")
        for index in range(extra_dnn_blocks):
            self._extend_dnn(options, f"extra_{index}")
        quicken(self)

    def _append_rnn(self, options):
        """Recurrent layers, each of its own width."""
        self.append(Sequential, layer_name="RNN")
        for index, units in enumerate(options["rnn_neurons"]):
            layer = _rnn(options, units, _shape(self))
            self.RNN.append(layer, layer_name=f"layer_{index}")

    def _append_dnn(self, options):
        """Linear blocks, each of its own width."""
        widths = options["dnn_neurons"]
        if not isinstance(widths, (list, tuple)):
            widths = [widths] * options["dnn_blocks"]
        if widths:
            self.append(Sequential, layer_name="DNN")
        for index, units in enumerate(widths):
            self.DNN.append(
                _dnn(options, units, _shape(self)),
                layer_name=f"block_{index}",
            )

    def _extend_cnn(self, options, name):
        """One more pair of convolutions, which does not pool."""
        block = CNN_Block(
            _shape(self.CNN),
            channels=options["cnn_channels"][options["cnn_blocks"] - 1],
            kernel_size=options["cnn_kernelsize"],
            activation=options["activation"],
            dropout=options["dropout"],
        )
        block.pop("pooling")
        self.CNN.append(Gated(block), layer_name=name)

    def _extend_rnn(self, options, name):
        """One more recurrent layer; the DNN stays after it."""
        dnn = self.pop("DNN") if "DNN" in self else None
        shape = _shape(self)
        units = _last(options["rnn_neurons"])
        layer = _rnn(options, units, shape)
        if shape[-1] != units * (1 + options["rnn_bidirectional"]):
            layer = Sequential(layer, input_shape=shape)
            layer.append(Linear, n_neurons=shape[-1])
        self.append(Gated(layer), layer_name=name)
        if dnn is not None:
            self.append(dnn, layer_name="DNN")

    def _extend_dnn(self, options, name):
        """One more linear block."""
        block = _dnn(options, _last(options["dnn_neurons"]), _shape(self))
        self.DNN.append(Gated(block), layer_name=name)


def _many(options, key):
    """Whether an option is a list."""
    return isinstance(options.get(key), (list, tuple))


def _last(widths):
    """The width of the last layer."""
    return widths[-1] if isinstance(widths, (list, tuple)) else widths


def _shape(model):
    """Shape of a model's output; in eval mode, so that statistics stay."""
    shape = model.eval().get_output_shape()
    model.train()
    return shape


def _rnn(options, units, shape):
    """One recurrent layer."""
    return options["rnn_class"](
        hidden_size=units,
        input_shape=shape,
        num_layers=1,
        dropout=options["dropout"],
        bidirectional=options["rnn_bidirectional"],
        re_init=options["rnn_re_init"],
    )


def _dnn(options, units, shape):
    """One linear block."""
    return DNN_Block(
        shape,
        neurons=units,
        activation=options["activation"],
        dropout=options["dropout"],
    )


def _check(options, extra):
    """Raises one error with everything that cannot be built."""
    problems = []
    for key, number in extra.items():
        if type(number) is not int or number < 0:
            problems.append(
                f"extra_{key} is {number!r}; it must be a whole number, "
                "0 for none"
            )
        elif number and options[key] < 1:
            problems.append(
                f"extra_{key} is {number}, but {key} is {options[key]}; use "
                "at least one, which the others follow"
            )
    for key, layers in (
        ("rnn_neurons", "rnn_layers"),
        ("dnn_neurons", "dnn_blocks"),
    ):
        if _many(options, key) and len(options[key]) != options[layers]:
            problems.append(
                f"{key} is {options[key]}, but {layers} is {options[layers]}; "
                "give one number, or one for each"
            )
        if _many(options, key) and options["use_rnnp"]:
            problems.append(
                f"{key} is a list, but use_rnnp is set; give one number"
            )
    if problems:
        raise GrowthError(problems)
