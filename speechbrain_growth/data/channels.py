"""What recordings go through: noise, a telephone, a room.

Each function takes a waveform and a seed, and gives the same result each time.

Authors
 * The speechbrain_growth authors 2026
"""

import torch

SNR = 10.0  # dB, of the noise
BAND = (300.0, 3400.0)  # Hz, of a telephone
RT60 = 0.4  # seconds until a room's sound has fallen by 60 dB
MIX = 0.7  # of the room's sound in what is heard


def clean(wave: torch.Tensor, seed: int, sample_rate: int) -> torch.Tensor:
    """Returns the waveform as it is.

    Arguments
    ---------
    wave : torch.Tensor
        Shape (samples,).
    seed : int
        Not used.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
    """
    return wave


def noise(wave: torch.Tensor, seed: int, sample_rate: int) -> torch.Tensor:
    """Returns the waveform with white noise at 10 dB.

    Arguments
    ---------
    wave : torch.Tensor
        Shape (samples,).
    seed : int
        Of the noise.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor

    Example
    -------
    >>> wave = torch.sin(torch.arange(16000.0))
    >>> added = noise(wave, 1, 16000) - wave
    >>> round(10 * torch.log10(wave.var() / added.var()).item(), 1)
    10.0
    """
    drawn = torch.randn(len(wave), generator=_seeded(seed)).to(wave)
    drawn = drawn - drawn.mean()
    power = wave.square().mean() / 10 ** (SNR / 10)
    return wave + drawn * (power / drawn.square().mean()).sqrt()


def telephone(wave: torch.Tensor, seed: int, sample_rate: int) -> torch.Tensor:
    """Returns the waveform without what a telephone leaves out.

    Arguments
    ---------
    wave : torch.Tensor
        Shape (samples,).
    seed : int
        Not used.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        Has no power below 300 and above 3400 Hz.
    """
    found = torch.fft.rfft(wave)
    hertz = torch.fft.rfftfreq(len(wave), 1 / sample_rate).to(wave.device)
    inside = (hertz >= BAND[0]) & (hertz <= BAND[1])
    return torch.fft.irfft(found * inside, n=len(wave))


def room(wave: torch.Tensor, seed: int, sample_rate: int) -> torch.Tensor:
    """Returns the waveform as it is heard in a room of its own.

    Arguments
    ---------
    wave : torch.Tensor
        Shape (samples,).
    seed : int
        Of the room's echoes: noise that falls by 60 dB in 0.4 seconds.
    sample_rate : int
        In Hz.

    Returns
    -------
    torch.Tensor
        As loud as before.
    """
    length = int(RT60 * sample_rate)
    echoes = torch.randn(length, generator=_seeded(seed)).to(wave)
    echoes *= 10 ** (-3 * torch.arange(length).to(wave) / length)
    echoes *= MIX / echoes.norm()
    echoes[0] = 1 - MIX
    size = len(wave) + length
    product = torch.fft.rfft(wave, size) * torch.fft.rfft(echoes, size)
    heard = torch.fft.irfft(product, size)[: len(wave)]
    loud = heard.square().mean().clamp(min=1e-12)
    return heard * (wave.square().mean() / loud).sqrt()


CHANNELS = {
    "clean": clean,
    "noise": noise,
    "telephone": telephone,
    "room": room,
}


def _seeded(seed):
    """A generator of its own, so that nothing else is disturbed."""
    return torch.Generator().manual_seed(seed)
