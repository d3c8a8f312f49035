"""ResNeSt (Zhang et al. 2020, arXiv 2004.08955) in its "fast" setting: split attention of radix 2 over a grouped
convolution, deep stem, average pooling for every stride (avd, avg_down). torchvision has none; widths are small."""
import torch
from torch import nn


class SplitAttention(nn.Module):
    def __init__(self, channels, radix, cardinality):
        super().__init__()
        self.radix, self.cardinality = radix, cardinality
        hidden = max(channels * radix // 4, 4)
        self.conv = nn.Conv2d(channels, channels * radix, 3, 1, 1, groups=cardinality * radix, bias=False)
        self.bn0 = nn.BatchNorm2d(channels * radix)
        self.fc1 = nn.Conv2d(channels, hidden, 1, groups=cardinality)
        self.bn1 = nn.BatchNorm2d(hidden)
        self.fc2 = nn.Conv2d(hidden, channels * radix, 1, groups=cardinality)

    def forward(self, x):
        x = torch.relu(self.bn0(self.conv(x)))
        parts = x.chunk(self.radix, dim=1)
        gap = sum(parts).mean((2, 3), keepdim=True)
        attention = self.fc2(torch.relu(self.bn1(self.fc1(gap))))
        # Softmax over the radix, channel by channel (the "r-softmax" of the paper).
        n = attention.shape[0]
        attention = attention.view(n, self.cardinality, self.radix, -1).transpose(1, 2).softmax(dim=1)
        attention = attention.reshape(n, -1, 1, 1).chunk(self.radix, dim=1)
        return sum(a * p for a, p in zip(attention, parts))


class Bottleneck(nn.Module):
    EXPANSION = 2  # 4 in the paper; the goldens are to be small

    def __init__(self, inputs, planes, stride, radix=2, cardinality=1):
        super().__init__()
        outputs = planes * self.EXPANSION
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = SplitAttention(planes, radix, cardinality)
        self.avd = nn.AvgPool2d(3, stride, padding=1) if stride > 1 else nn.Identity()
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.downsample = nn.Identity()
        if stride > 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.AvgPool2d(stride, stride, ceil_mode=True, count_include_pad=False),
                nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(self.avd(self.conv2(y))))
        return self.relu(y + self.downsample(x))


class ResNeSt(nn.Module):
    def __init__(self, width=4, blocks=(3, 4, 6, 3), classes=5, cardinality=1, stem=None):
        super().__init__()
        stem = stem or width // 2
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(),
            nn.Conv2d(stem, stem, 3, 1, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(),
            nn.Conv2d(stem, 2 * stem, 3, 1, 1, bias=False), nn.BatchNorm2d(2 * stem), nn.ReLU(),
            nn.MaxPool2d(3, 2, 1))
        inputs = 2 * stem
        for i, count in enumerate(blocks):
            planes = width << i
            stage = []
            for j in range(count):
                stage.append(Bottleneck(inputs, planes, 2 if i and not j else 1, cardinality=cardinality))
                inputs = planes * Bottleneck.EXPANSION
            setattr(self, f"layer{i + 1}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(self.avgpool(x).flatten(1))
