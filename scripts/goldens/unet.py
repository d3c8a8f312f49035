"""Small U-Nets (Ronneberger et al., MICCAI 2015), with the two common ways up: interpolation followed by a
convolution, and transposed convolutions."""
import torch
from torch import nn
from torch.nn import functional as F


def double(inputs, outputs):
    def one(a, b):
        return [nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
    return nn.Sequential(*one(inputs, outputs), *one(outputs, outputs))


class Resized(nn.Module):
    """To the size of the skip connection (whose shape the graph asks for), or by a factor of two."""

    def __init__(self, inputs, outputs, to_size, **how):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.to_size = to_size
        self.how = how

    def forward(self, x, skip):
        size = {"size": skip.shape[2:]} if self.to_size else {"scale_factor": 2}
        return self.conv(F.interpolate(x, **size, **self.how))


class Transposed(nn.Module):
    def __init__(self, inputs, outputs, normed, **how):
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, stride=2, **how)
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.ReLU()) if normed else nn.Identity()

    def forward(self, x, skip):
        return self.norm(self.conv(x))


class UNet(nn.Module):
    def __init__(self, ups, classes=2):
        super().__init__()
        self.down1, self.down2, self.middle = double(1, 8), double(8, 12), double(12, 20)
        self.up2, self.up1 = ups
        self.right2, self.right1 = double(24, 12), double(16, 8)
        self.head = nn.Conv2d(8, classes, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.middle(F.max_pool2d(b, 2))
        b = self.right2(torch.cat([b, self.up2(c, b)], 1))
        a = self.right1(torch.cat([a, self.up1(b, a)], 1))
        return self.head(a)


def unet_resize():
    return UNet((Resized(20, 12, True, mode="bilinear", align_corners=True),
                 Resized(12, 8, False, mode="bilinear", align_corners=False)))


def unet_nearest():
    return UNet((Resized(20, 12, False, mode="nearest"), Resized(12, 8, True, mode="nearest")))


def unet_transpose():
    return UNet((Transposed(20, 12, False, kernel_size=2),
                 Transposed(12, 8, True, kernel_size=3, padding=1, output_padding=1, bias=False)))
