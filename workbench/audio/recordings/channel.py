"""One channel of a recording, or the mean of all. Channels in opposite phase are never mixed to silence."""

import numpy as np
from numpy.typing import NDArray

from workbench.audio.recordings.condition import Condition
from workbench.errors import AudioError
from workbench.recipe import Channel, parse_channel

_NUMBERS = {"left": 1, "right": 2}
_OPPOSITE_DB = 12.0  # for two channels: unrelated ones lose 3 dB in the mix, and so do two of which one is silent
_LARGEST_LOSS_DB = 200.0


def select_channel(
    channels: NDArray[np.float32], channel: Channel, where: str
) -> tuple[NDArray[np.float32], Channel, tuple[Condition, ...]]:
    """Returns one channel or the mix of several.

    If the mix is more than 12 dB below the channels, the louder channel is returned. For more than two channels the
    limit is higher, as the mix of n unrelated channels is 10 lg n dB below them.

    Args:
        channels: (n, channels), n > 0.
        channel: Which channel.
        where: The file, for the message.

    Returns:
        (n,) samples, which channel they are, and `opposite phase` if the mix was not used.

    Raises:
        AudioError: The recording does not have this channel.
    """
    count = channels.shape[1]
    if channel != "mix":
        number = _NUMBERS[channel] if channel in _NUMBERS else int(channel)
        if number > count:
            has = "is mono" if count == 1 else f"has {count} channels"
            name = channel if channel in _NUMBERS else f"channel {channel}"
            raise AudioError(f"{where}: {has}, but {name} is to be read; choose another channel, or mix")
        return channels[:, number - 1], channel, ()
    if count == 1:
        return channels[:, 0], channel, ()
    mix = channels.mean(axis=1)
    powers, power = channels.var(axis=0, dtype=np.float64), float(mix.var(dtype=np.float64))
    limit_db = _OPPOSITE_DB + 10 * np.log10(count / 2)
    if power * 10 ** (limit_db / 10) >= powers.mean():
        return mix, channel, ()
    loss_db = min(_LARGEST_LOSS_DB, 10 * float(np.log10(powers.mean() / power))) if power else _LARGEST_LOSS_DB
    louder = int(powers.argmax())
    opposite = Condition(kind="opposite phase", value=loss_db, unit="dB")
    return channels[:, louder], parse_channel(str(louder + 1)), (opposite,)
