#!/usr/bin/python3
"""Trains a network in PyTorch for a few steps on random images and prints one JSON object: images a second and the
process's peak memory. What run_train.py compares Narrows with.

    bench/peer_train.py ARCH --batch 16 --size 224 --steps 6 --threads 2 [--channels-last]
"""
import argparse
import json
import pathlib
import resource
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
import torch
from goldens.reference import build  # the same architectures as src/network


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("arch")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    net = build(a.arch, 2).train()
    x, y = torch.rand(a.batch, 3, a.size, a.size), torch.arange(a.batch) % 2
    if a.channels_last:
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    times = []
    for _ in range(a.steps + 1):
        start = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimiser.step()
        times.append(time.perf_counter() - start)
    times = sorted(times[1:])  # the first step makes kernels
    print(json.dumps({"images_per_second": a.batch / times[len(times) // 2],
                      "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


main()
