#!/usr/bin/python3
"""The bottleneck of bench/peer_iba.py on ResNeSt-50 at 512x512 with one channel, after layer2.

    peer_resnest.py prepare DIR              DIR/network.onnx (made by narrows train --epochs 0) in PyTorch; statistics
    peer_resnest.py run DIR [--frozen] [--steps S] [--samples N]

A whole run takes minutes and 10 GB: with fewer steps and samples the seconds of one sample in one step are what counts.
`run` prints one JSON object; `seconds` is what it took, `scaled` what 10 steps of 10 samples would take.
"""
import argparse
import json
import os
import pathlib
import resource
import sys
import time

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch.nn import functional as F

import peer_iba

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from goldens import reference  # noqa: E402

SIZE, PICTURES = 512, 6


def network(folder):
    graph = onnx.load(folder / "network.onnx").graph
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    net = reference.build("resnest50", 1)
    net.stem[0] = torch.nn.Conv2d(1, net.stem[0].out_channels, 3, 2, 1, bias=False)
    keys = reference.parameters("resnest50", net)
    net.load_state_dict({key: torch.from_numpy(weights[ours].copy()) for ours, key in keys.items()}, strict=False)
    return net.eval()


def pictures(count):
    source = torch.Generator().manual_seed(1)
    total = 0
    for cells in (4, 9, 20, 56, SIZE):
        total = total + F.interpolate(torch.randn(count, 1, cells, cells, generator=source), size=(SIZE, SIZE),
                                      mode="bilinear", align_corners=False)
    return total / total.std()


def prepare(folder):
    net = network(folder)
    images = pictures(PICTURES)
    features = []
    hook = net.layer2.register_forward_hook(lambda _m, _i, y: features.append(y))
    with torch.no_grad():
        for part in images.split(2):
            net(part)
    hook.remove()
    features = torch.cat(features)
    peer_iba.save_safetensors(folder / "stats.safetensors",
                              {"mean": features.mean(0).numpy(), "std": features.std(0).numpy(),
                               "active": (features != 0).float().mean(0).numpy()})
    np.save(folder / "picture.npy", images[0].numpy())


def run(folder, frozen, steps, samples, threads):
    torch.set_num_threads(threads)
    net = network(folder)
    if frozen:
        for parameter in net.parameters():
            parameter.requires_grad_(False)
    picture = torch.from_numpy(np.load(folder / "picture.npy"))[None]
    bottleneck = peer_iba.Bottleneck(net.layer2, peer_iba.load_safetensors(folder / "stats.safetensors"))
    with torch.no_grad():
        net(picture)
        bottleneck.alpha.fill_(5.0)
    optimiser = torch.optim.Adam([bottleneck.alpha], lr=peer_iba.RATE)
    bottleneck.on = True
    start = time.perf_counter()
    for _ in range(steps):
        optimiser.zero_grad()
        logits = net(picture.expand(samples, -1, -1, -1))
        loss = F.softplus(-logits).mean() + peer_iba.BETA * bottleneck.capacity.mean()
        loss.backward()
        optimiser.step()
    seconds = time.perf_counter() - start
    print(json.dumps({"frozen": frozen, "threads": threads, "torch": torch.__version__, "seconds": seconds,
                      "scaled": seconds * 100 / (steps * samples),
                      "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("prepare", "run"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--frozen", action="store_true", help="compute no gradients of the parameters")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    if args.what == "prepare":
        prepare(args.folder)
    else:
        run(args.folder, args.frozen, args.steps, args.samples, args.threads)


if __name__ == "__main__":
    main()
