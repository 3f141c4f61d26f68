"""SpeechBrain's convolution and pooling, quicker on a CPU.

SpeechBrain's tensors are (batch, time, frequency, channel). Its layers permute
them to (batch, channel, frequency, time) for torch, which then copies each of
them into another memory order, and back. Permuted to (batch, channel, time,
frequency) they are what torch calls ``channels_last``, and nothing is copied.
Parameters, names and results are the stock layers'.

Authors
 * The speechbrain_growth authors 2026
"""

from torch.nn import AvgPool2d, MaxPool2d
from torch.nn.functional import avg_pool2d, conv2d, max_pool2d, pad

from speechbrain.nnet import CNN, pooling


class Conv2d(CNN.Conv2d):
    """Stock ``speechbrain.nnet.CNN.Conv2d`` without copies, on a CPU.

    Arguments
    ---------
    *args : tuple
        As for the stock layer.
    **kwargs : dict
        As for the stock layer. With another padding than ``same``, max_norm,
        another order of axes, or hooks of the inner layer, the stock code runs.

    Example
    -------
    >>> import torch
    >>> inputs = torch.randn(2, 10, 8, 3)
    >>> quick = Conv2d(4, (3, 5), input_shape=inputs.shape)
    >>> stock = CNN.Conv2d(4, (3, 5), input_shape=inputs.shape)
    >>> _ = stock.load_state_dict(quick.state_dict())
    >>> torch.allclose(quick(inputs), stock(inputs), atol=1e-6)
    True
    """

    stands_for = CNN.Conv2d

    def forward(self, x):
        """Returns the output of the convolution.

        Arguments
        ---------
        x : torch.Tensor
            (batch, time, frequency) or (batch, time, frequency, channel).

        Returns
        -------
        torch.Tensor
            (batch, time, frequency, channel).
        """
        unusual = self.swap or self.skip_transpose or self.padding != "same"
        # Hooks run when the inner layer is called, which is not done below
        unusual |= bool(
            self.conv._forward_pre_hooks or self.conv._forward_hooks
        )
        if unusual or self.max_norm is not None or x.device.type != "cpu":
            return super().forward(x)
        if self.unsqueeze:
            x = x.unsqueeze(-1)
        sides = []
        for axis in (0, 1):  # frequency, the last one, comes first
            sides += CNN.get_padding_elem(
                self.in_channels,
                self.stride[axis],
                self.kernel_size[axis],
                self.dilation[axis],
            )
        x = pad(x.permute(0, 3, 1, 2), sides, mode=self.padding_mode)
        x = conv2d(
            x,
            self.conv.weight.transpose(2, 3),
            self.conv.bias,
            stride=self.stride[::-1],
            dilation=self.dilation[::-1],
            groups=self.conv.groups,
        )
        x = x.permute(0, 2, 3, 1)
        return x.squeeze(-1) if self.unsqueeze else x


class Pooling1d(pooling.Pooling1d):
    """Stock ``speechbrain.nnet.pooling.Pooling1d`` without copies, on a CPU.

    Arguments
    ---------
    *args : tuple
        As for the stock layer.
    **kwargs : dict
        As for the stock layer. The stock code runs unless it pools over time
        or frequency of four axes.

    Example
    -------
    >>> import torch
    >>> inputs = torch.randn(2, 10, 8, 3)
    >>> pool = Pooling1d("max", 2, input_dims=4, pool_axis=2)
    >>> pool(inputs).shape
    torch.Size([2, 10, 4, 3])
    """

    stands_for = pooling.Pooling1d

    def forward(self, x):
        """Returns the pooled signal.

        Arguments
        ---------
        x : torch.Tensor
            (batch, time, frequency, channel).

        Returns
        -------
        torch.Tensor
            The same, with fewer times or frequencies.
        """
        layer, axis = self.pool_layer, self.pool_axis
        plane = isinstance(layer, (AvgPool2d, MaxPool2d))
        if not plane or axis not in (1, 2) or x.device.type != "cpu":
            return super().forward(x)

        def ordered(pair):
            """The stock layer pools over the second axis of two."""
            return pair[::-1] if axis == 1 else pair

        options = {
            "kernel_size": ordered(layer.kernel_size),
            "stride": ordered(layer.stride),
            "padding": ordered(layer.padding),
            "ceil_mode": layer.ceil_mode,
        }
        x = x.permute(0, 3, 1, 2)
        if isinstance(layer, MaxPool2d):
            x = max_pool2d(x, dilation=ordered(layer.dilation), **options)
        else:
            x = avg_pool2d(x, **options)
        return x.permute(0, 2, 3, 1)
