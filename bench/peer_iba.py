#!/usr/bin/python3
"""The per-sample information bottleneck written plainly in PyTorch, as the peer that Narrows is timed against.

    peer_iba.py prepare DIR        ResNet-50 as DIR/network.onnx and DIR/network.pt, a picture, feature statistics
    peer_iba.py run DIR            times it as the reference ships it: gradients of the parameters are computed too
    peer_iba.py run DIR --frozen   with the parameters frozen, which is kinder to PyTorch

As the reference of Schulz et al. (2020) does, the whole network runs at every step on a batch of copies of the
picture, and a hook behind layer2 puts the noise in. `run` prints one JSON object.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import struct
import time
import warnings

import numpy as np
import onnx
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

STEPS, SAMPLES, RATE, BETA, SIGMA, MIN_STD, ACTIVE = 10, 10, 1.0, 10.0, 1.0, 0.01, 0.01
LAYER, SIZE, PICTURES = "layer2", 224, 40


def network():
    """ResNet-50 with random weights, whose batch-norms fit its activations: as lively as a trained one."""
    torch.manual_seed(0)
    net = torchvision.models.resnet50()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        net.train()(pictures(8))
    return net.eval()


def pictures(count):
    """Blobs of several sizes, about zero mean and unit deviation: [count, 3, SIZE, SIZE]."""
    source = torch.Generator().manual_seed(1)
    total = 0
    for cells in (4, 9, 20, 56, SIZE):
        total = total + F.interpolate(torch.randn(count, 3, cells, cells, generator=source), size=(SIZE, SIZE),
                                      mode="bilinear", align_corners=False)
    return total / total.std()


class Blur(nn.Module):
    def __init__(self, sigma):
        super().__init__()
        self.half = round(2 * sigma)
        at = torch.arange(-self.half, self.half + 1.0)
        kernel = torch.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * sigma * sigma))
        self.register_buffer("kernel", kernel / kernel.sum())

    def forward(self, x):
        channels = x.shape[1]
        padded = F.pad(x, [self.half] * 4, mode="reflect")
        return F.conv2d(padded, self.kernel.expand(channels, 1, -1, -1), groups=channels)


class Bottleneck:
    """Holds the hook behind a layer; off unless `on`."""

    def __init__(self, layer, statistics_of_layer):
        self.mean, self.std, active = statistics_of_layer
        self.std = self.std.clamp(min=MIN_STD)
        self.active = (active > ACTIVE).float()
        self.alpha = nn.Parameter(torch.full_like(self.mean, 5.0)[None])
        self.blur = Blur(SIGMA)
        self.on = False
        layer.register_forward_hook(self.hook)

    def hook(self, _module, _inputs, x):
        if not self.on:
            return None
        keep = self.blur(torch.sigmoid(self.alpha).expand(x.shape[0], -1, -1, -1))
        r = (x - self.mean) / self.std
        lost = 1 - keep
        self.capacity = -0.5 * (1 + torch.log(lost ** 2) - (keep * r) ** 2 - lost ** 2) * self.active
        noise = self.std * torch.randn_like(x) + self.mean
        return (keep * x + lost * noise) * self.active

    def explain(self, net, picture, target):
        """Bits at the layer, after STEPS steps; the seconds they took."""
        with torch.no_grad():
            self.alpha.fill_(5.0)
        optimiser = torch.optim.Adam([self.alpha], lr=RATE)
        batch = picture.expand(SAMPLES, -1, -1, -1)
        self.on = True
        start = time.perf_counter()
        for _ in range(STEPS):
            optimiser.zero_grad()
            logits = net(batch)  # fills self.capacity
            loss = -F.log_softmax(logits, 1)[:, target].mean() + BETA * self.capacity.mean()
            loss.backward()
            optimiser.step()
        seconds = time.perf_counter() - start
        self.on = False
        bits = (self.capacity.mean(0).sum() / math.log(2)).item()
        return bits, seconds


def save_safetensors(path, tensors):
    header, offset, blobs = {}, 0, []
    for name, array in tensors.items():
        blob = np.ascontiguousarray(array, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def prepare(folder):
    folder.mkdir(parents=True, exist_ok=True)
    net = network()
    torch.save(net.state_dict(), folder / "network.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, torch.zeros(1, 3, SIZE, SIZE), str(folder / "network.onnx"), opset_version=13,
                          input_names=["input"], output_names=["logits"],
                          dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    images = pictures(PICTURES)
    features = []
    hook = net.get_submodule(LAYER).register_forward_hook(lambda _m, _i, y: features.append(y))
    with torch.no_grad():
        logits = torch.cat([net(part) for part in images.split(8)])
    hook.remove()
    features = torch.cat(features)
    save_safetensors(folder / "stats.safetensors",
                     {"mean": features.mean(0).numpy(), "std": features.std(0).numpy(),
                      "active": (features != 0).float().mean(0).numpy()})
    np.save(folder / "picture.npy", images[0].numpy())
    nodes = onnx.load(folder / "network.onnx").graph.node
    tensor = [n.output[0] for n in nodes if n.name.startswith(f"/{LAYER}/")][-1]
    (folder / "facts.json").write_text(json.dumps({"target": logits[0].argmax().item(), "tensor": tensor}))


def load_safetensors(path):
    data = path.read_bytes()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    return [torch.from_numpy(np.frombuffer(data, "<f4", offset=8 + length)[
        header[name]["data_offsets"][0] // 4:header[name]["data_offsets"][1] // 4].reshape(header[name]["shape"]).copy())
        for name in ("mean", "std", "active")]


def run(folder, frozen, repeats, threads):
    torch.set_num_threads(threads)
    net = torchvision.models.resnet50()
    net.load_state_dict(torch.load(folder / "network.pt"))
    net.eval()
    if frozen:
        for parameter in net.parameters():
            parameter.requires_grad_(False)
    picture = torch.from_numpy(np.load(folder / "picture.npy"))[None]
    target = json.loads((folder / "facts.json").read_text())["target"]
    bottleneck = Bottleneck(net.get_submodule(LAYER), load_safetensors(folder / "stats.safetensors"))
    with torch.no_grad():
        for _ in range(2):  # threads started, memory touched
            net(picture.expand(SAMPLES, -1, -1, -1))
    bits, seconds = zip(*(bottleneck.explain(net, picture, target) for _ in range(repeats)))
    print(json.dumps({"frozen": frozen, "threads": threads, "torch": torch.__version__,
                      "seconds": statistics.median(seconds), "all_seconds": seconds, "bits": statistics.median(bits)}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("prepare", "run"))
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--frozen", action="store_true", help="compute no gradients of the parameters")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    if args.what == "prepare":
        prepare(args.folder)
    else:
        run(args.folder, args.frozen, args.repeats, args.threads)


if __name__ == "__main__":
    main()
