#!/usr/bin/python3
"""Grad-CAM on ResNet-50 written by hand in PyTorch: parameters frozen, channels-last, the gradient taken at the last
feature map alone.

    peer_gradcam.py DIR [--repeats 10]        DIR of peer_iba.py prepare; prints one JSON object
"""
import argparse
import json
import os
import pathlib
import statistics
import time

import numpy as np
import torch
import torchvision
from torch.nn import functional as F


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    net = torchvision.models.resnet50()
    net.load_state_dict(torch.load(args.folder / "network.pt"))
    net = net.eval().to(memory_format=torch.channels_last)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    picture = torch.from_numpy(np.load(args.folder / "picture.npy"))[None].contiguous(memory_format=torch.channels_last)
    target = json.loads((args.folder / "facts.json").read_text())["target"]
    before = torch.nn.Sequential(net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4)

    def explain():
        with torch.no_grad():
            features = before(picture)
        features.requires_grad_(True)
        logit = net.fc(net.avgpool(features).flatten(1))[0, target]
        gradient, = torch.autograd.grad(logit, features)
        with torch.no_grad():
            cam = torch.relu((gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True))
            return F.interpolate(cam, size=picture.shape[2:], mode="bilinear", align_corners=False)

    explain()
    seconds = []
    for _ in range(args.repeats):
        start = time.perf_counter()
        explain()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": statistics.median(seconds), "all_seconds": seconds, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
