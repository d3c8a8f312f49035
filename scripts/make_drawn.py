#!/usr/bin/python3
"""Makes tests/data/drawn: drawn pictures, their lesion masks, and a small classifier trained on such pictures.

    scripts/make_drawn.py [--out tests/data/drawn] [--epochs 8] [--pictures 2400]

Deterministic; about two minutes on two cores with Debian's python3-torch, python3-onnx and python3-pil.
"""
import argparse
import csv
import io
import json
import multiprocessing
import pathlib

import numpy as np
import onnx
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

import draw_ct

SIZE = 96            # of the classifier's input
MEAN, STD = 0.5, 0.25
COHORT = 40          # pictures for the feature statistics
BOTTLENECK = "layer2"  # output of the second stage, 24x24


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False),
                                          nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Classifier(nn.Module):
    """A residual network of four stages; two logits: healthy, lesion."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.layer1 = Block(16, 16, 1)
        self.layer2 = Block(16, 32, 2)
        self.layer3 = Block(32, 48, 2)
        self.layer4 = Block(48, 64, 2)
        self.fc = nn.Linear(64, 2)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.stem(x)))))
        return self.fc(x.mean((2, 3), keepdim=True).flatten(1))


def eight_bit(picture):
    return np.round(picture * 255).astype(np.uint8)


def one(job):
    """A picture at the classifier's size and its mask; job = (seed, number of lesions)."""
    seed, lesions = job
    picture, mask = draw_ct.draw(np.random.default_rng(seed), 2 * SIZE, lesions)
    return eight_bit(draw_ct.halve(picture)), draw_ct.halve(mask.astype(float)) >= 0.5


def jobs(first, count):
    return [((first, i), 0 if i % 2 else 1 + i // 2 % 3 // 2) for i in range(count)]


def scaled(pictures):
    return torch.from_numpy((np.stack(pictures).astype(np.float32) / 255 - MEAN) / STD)[:, None]


def train(pool, pictures, epochs):
    drawn = pool.map(one, jobs(1, pictures), chunksize=50)
    x = scaled([p for p, _ in drawn])
    y = torch.tensor([int(m.any()) for _, m in drawn])
    torch.manual_seed(1)
    net = Classifier()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-2)
    batch = 32
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=epochs * (len(x) // batch))
    for epoch in range(epochs):
        order, total = torch.randperm(len(x)), 0.0
        for i in range(len(x) // batch):
            pick = order[i * batch:(i + 1) * batch]
            images = x[pick]
            if torch.rand(()) < 0.5:
                images = images.flip(3)
            images = images * (1 + 0.1 * torch.randn(batch, 1, 1, 1)) + 0.1 * torch.randn(batch, 1, 1, 1)
            loss = F.cross_entropy(net(images), y[pick], label_smoothing=0.02)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}/{epochs}: loss {total / (len(x) // batch):.3f}", flush=True)
    return net.eval()


def check(pool, net):
    """Accuracy on new pictures, and whether Grad-CAM at the bottleneck peaks in a lesion."""
    drawn = pool.map(one, jobs(2, 200), chunksize=25)
    x = scaled([p for p, _ in drawn])
    with torch.no_grad():
        says = net(x).argmax(1)
        features = net.layer2(net.layer1(net.stem(x)))
    truth = torch.tensor([int(m.any()) for _, m in drawn])
    features.requires_grad_()
    logits = net.fc(net.layer4(net.layer3(features)).mean((2, 3)))
    gradient, = torch.autograd.grad(logits[:, 1].sum(), features)
    cam = F.relu((gradient.mean((2, 3), keepdim=True) * features).sum(1, keepdim=True))
    cam = F.interpolate(cam, size=(SIZE, SIZE), mode="bilinear").detach()[:, 0].numpy()
    hits = [bool(m.flat[c.argmax()]) for c, (_, m) in zip(cam, drawn) if m.any()]
    print(f"{sum(p.numel() for p in net.parameters())} parameters, accuracy {(says == truth).float().mean():.3f}, "
          f"Grad-CAM's peak lies in a lesion on {np.mean(hits):.2f} of the pictures with one")


def export(net, path):
    buffer = io.BytesIO()
    torch.onnx.export(net, torch.zeros(1, 1, SIZE, SIZE), buffer, opset_version=13, input_names=["input"],
                      output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}})
    model = onnx.load_from_string(buffer.getvalue())
    last = [n.output[0] for n in model.graph.node if n.name.startswith(f"/{BOTTLENECK}/")][-1]
    facts = {
        "narrows.input": {"modality": "CT", "channels": 1, "size": [SIZE, SIZE], "mean": [MEAN], "std": [STD]},
        "narrows.classes": ["healthy", "lesion"],
        "narrows.head": "softmax",
        "narrows.bottleneck": last,
    }
    onnx.helper.set_model_props(model, {k: json.dumps(v) for k, v in facts.items()})
    onnx.checker.check_model(model)
    onnx.save(model, path)
    print(f"{path}: {path.stat().st_size} bytes, bottleneck {last}")


def save(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, optimize=True)


def pictures(pool, out):
    for name, seed, lesions in (("image", 7, 2), ("healthy", 8, 0)):
        picture, mask = draw_ct.draw(np.random.default_rng((3, seed)), 2 * SIZE, lesions)
        save(out / f"{name}.png", eight_bit(picture))
        save(out / "masks" / f"{name}.png", mask.astype(np.uint8) * 255)
    rows = []
    for i, (picture, mask) in enumerate(pool.map(one, jobs(4, COHORT))):
        name = f"{i + 1:02d}.png"
        save(out / "cohort" / name, picture)
        if mask.any():
            save(out / "masks" / name, mask.astype(np.uint8) * 255)
        rows.append((f"cohort/{name}", int(mask.any()), f"{mask.mean():.5f}"))
    with open(out / "cohort.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file", "label", "lesion_share"))
        table.writerows(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "data" / "drawn")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--pictures", type=int, default=2400)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    with multiprocessing.Pool(2) as pool:
        pictures(pool, args.out)
        net = train(pool, args.pictures, args.epochs)
        check(pool, net)
    export(net, args.out / "classifier.onnx")


if __name__ == "__main__":
    main()
