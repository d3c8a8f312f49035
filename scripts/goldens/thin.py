"""Networks whose widths torchvision hard-codes, built thin: every channel count from 16 up is divided."""
import contextlib

from torch import nn


@contextlib.contextmanager
def thin(divisor, smallest=16):
    """Inside, Conv, BatchNorm and Linear layers are made with their channels divided (rounded up)."""
    def less(n):
        return n if n < smallest else -(-n // divisor)

    def conv(init):
        def wrapped(self, in_channels, out_channels, *args, groups=1, **kwargs):
            init(self, less(in_channels), less(out_channels), *args, groups=less(groups), **kwargs)
        return wrapped

    def norm(init):
        return lambda self, channels, *args, **kwargs: init(self, less(channels), *args, **kwargs)

    def linear(init):
        return lambda self, inputs, outputs, *args, **kwargs: init(self, less(inputs), less(outputs), *args, **kwargs)

    wrap = {nn.Conv2d: conv, nn.Conv3d: conv, nn.BatchNorm2d: norm, nn.BatchNorm3d: norm, nn.Linear: linear}
    saved = {kind: kind.__init__ for kind in wrap}
    try:
        for kind, wrapper in wrap.items():
            kind.__init__ = wrapper(saved[kind])
        yield
    finally:
        for kind, init in saved.items():
            kind.__init__ = init
