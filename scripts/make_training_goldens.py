#!/usr/bin/env python3
"""Makes tests/golden/data/train/training.json: the losses of the first steps of trainings, as PyTorch has them.

usage: make_training_goldens.py NARROWS [OUT.json]

NARROWS is the program, which writes the networks as they start (narrows train --epochs 0). Their graphs are run with
PyTorch's functions, batch-norms on the statistics of the batch, in double precision, and stepped by PyTorch's
optimisers. All images are one batch, so that their order does not matter; they depend on nothing but their place, as in
tests/train/test_trainer_goldens.c. Exit code 77: PyTorch or onnx is not installed.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnx.numpy_helper
    import torch
    import torch.nn.functional as F
except ImportError:
    sys.exit(77)

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "data" / "train" / "training.json"
STEPS = 20
torch.set_num_threads(1)
SGD = {"optimiser": "sgd", "rate": 0.005, "weight_decay": 1e-4, "momentum": 0.9}
ADAMW = {"optimiser": "adamw", "rate": 0.0003, "weight_decay": 0.05}
# Deep networks on a few images amplify rounding at customary rates: PyTorch's own single and double precision part by
# several per cent within five steps. At these rates they agree to a few 1e-4.
CASES = [
    {"arch": "resnet18", "width": 0.25, "size": 64, "images": 8, "seed": 3, "smoothing": 0.0, **SGD},
    {"arch": "resnet18", "width": 0.25, "size": 64, "images": 8, "seed": 3, "smoothing": 0.1, **ADAMW},
    {"arch": "resnest50", "width": 0.125, "size": 64, "images": 16, "seed": 4, "smoothing": 0.0, **ADAMW, "rate": 2e-6},
    {"arch": "densenet121", "width": 0.25, "size": 64, "images": 8, "seed": 5, "smoothing": 0.1, **ADAMW, "rate": 8e-6},
]


def hashed(count):
    """As train_hashed() of the test, for 0 .. count - 1."""
    u = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(40503)
    u = (u ^ u >> 15) * np.uint32(2246822519)
    u = (u ^ u >> 13) * np.uint32(3266489917)
    return (((u ^ u >> 16) >> 24).astype(np.float32) - np.float32(127.5)) / 64


def images(case):
    """Noise of four strengths, brighter by a half on the left of odd ones and on the right of even ones; label: odd."""
    n, side = case["images"], case["size"]
    x = hashed(n * side * side).reshape(n, 1, side, side)
    x = x * (np.arange(n) // 2 % 4 + 1).astype(np.float32)[:, None, None, None] / 2
    left = np.where(np.arange(side) < side // 2, 0.5, -0.5).astype(np.float32)
    labels = np.arange(n) % 2
    x = x + np.where(labels == 1, 1, -1)[:, None, None, None].astype(np.float32) * left
    return torch.from_numpy(x.astype(np.float64)), torch.from_numpy(labels)


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def pool(x, a, average):
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    assert top == bottom and left == right
    ceil = bool(a.get("ceil_mode", 0))
    if average:
        return F.avg_pool2d(x, a["kernel_shape"], a["strides"], (top, left), ceil, bool(a.get("count_include_pad", 0)))
    return F.max_pool2d(x, a["kernel_shape"], a["strides"], (top, left), ceil_mode=ceil)


def convolution(x, w, b, a):
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    assert top == bottom and left == right
    return F.conv2d(x, w, b, a.get("strides", [1, 1]), (top, left), a.get("dilations", [1, 1]), a.get("group", 1))


def run(graph, values):
    """The graph's output; values: name -> tensor, of the input and the initializers."""
    values = dict(values)
    for node in graph.node:
        a, i = attributes(node), [values.get(name) for name in node.input]
        op = node.op_type
        if op == "Conv":
            out = convolution(i[0], i[1], i[2] if len(i) > 2 else None, a)
        elif op == "BatchNormalization":
            out = F.batch_norm(i[0], None, None, i[1], i[2], True, 0.1, a.get("epsilon", 1e-5))
        elif op == "Relu":
            out = F.relu(i[0])
        elif op == "Add":
            out = i[0] + i[1]
        elif op == "Mul":
            out = i[0] * i[1]
        elif op == "MaxPool":
            out = pool(i[0], a, False)
        elif op == "AveragePool":
            out = pool(i[0], a, True)
        elif op == "GlobalAveragePool":
            out = i[0].mean((2, 3), keepdim=True)
        elif op == "Flatten":
            out = i[0].flatten(a.get("axis", 1))
        elif op == "Gemm":
            assert a == {"transB": 1}
            out = F.linear(*i)
        elif op == "Concat":
            out = torch.cat(i, a["axis"])
        elif op == "Softmax":
            out = F.softmax(i[0], a["axis"])
        elif op == "Reshape":
            shape = [int(n) for n in i[1]]
            out = i[0].reshape([i[0].shape[k] if n == 0 else n for k, n in enumerate(shape)])
        elif op == "Split":
            sizes = [int(n) for n in i[1]] if len(i) > 1 else i[0].shape[a["axis"]] // len(node.output)
            values.update(zip(node.output, torch.split(i[0], sizes, a["axis"])))
            continue
        else:
            raise NotImplementedError(op)
        values[node.output[0]] = out
    return values[graph.output[0].name]


def losses(case, path):
    graph = onnx.load(path).graph
    values, decayed, others = {}, [], []
    for tensor in graph.initializer:
        array = onnx.numpy_helper.to_array(tensor)
        if array.dtype != np.float32:
            values[tensor.name] = torch.from_numpy(array.copy())
        elif "running_" not in tensor.name:
            values[tensor.name] = torch.nn.Parameter(torch.from_numpy(array.astype(np.float64)))
            (decayed if array.ndim > 1 else others).append(values[tensor.name])
    groups = [{"params": decayed, "weight_decay": case["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    if case["optimiser"] == "sgd":
        optimiser = torch.optim.SGD(groups, lr=case["rate"], momentum=case["momentum"])
    else:
        optimiser = torch.optim.AdamW(groups, lr=case["rate"])
    x, labels = images(case)
    found = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        logits = run(graph, {**values, graph.input[0].name: x})
        loss = F.cross_entropy(logits, labels, label_smoothing=case["smoothing"])
        loss.backward()
        optimiser.step()
        found.append(loss.item())
    return found


def main():
    program, out = sys.argv[1], pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else OUT
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            path = f"{folder}/start.onnx"
            subprocess.run([program, "train", "--epochs", "0", "-q", "-o", path, "--arch", case["arch"], "--width",
                            str(case["width"]), "--size", str(case["size"]), "--task", "classes", "--outputs", "2",
                            "--seed", str(case["seed"])], check=True)
            case["losses"] = losses(case, path)
            print(case["arch"], case["optimiser"], " ".join(f"{loss:.4f}" for loss in case["losses"]))
    out.write_text(json.dumps({"made_with": f"torch {torch.__version__}", "cases": CASES}, indent=1) + "\n")


if __name__ == "__main__":
    main()
