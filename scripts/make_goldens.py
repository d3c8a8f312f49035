#!/usr/bin/python3
"""Makes tests/golden/data/torch: small ONNX files of many architectures and what PyTorch gives for them.

For each network: NAME.onnx (dynamic batch), NAME.logits.npy for three samples (whose values are a hash of their
index: hashed()), and of d sum over samples of logit[1] / d input and / d an inner tensor: values at every stride-th
index of the flattened array (NAME.input.grad.npy, NAME.inner.grad.npy) besides the largest magnitude and the 2-norm
of the whole (index.json). The inner tensor's own values are kept in the same way.
All reference values come from double precision. Debian's python3-torch 1.13, python3-torchvision 0.14.
"""
import argparse
import copy
import io
import json
import pathlib
import warnings

import numpy as np
import onnx
import torch
from torch import nn

from goldens.networks import NETWORKS

TARGET = 1
SAMPLES = 3
KEPT = 1500  # values kept of an array, about


def hashed(shape, seed):
    """Values (byte - 127.5) / 64, each byte a hash of its index in the flattened array and the seed: no file needed."""
    u = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 40503)
    u = (u ^ u >> 15) * np.uint32(2246822519)
    u = (u ^ u >> 13) * np.uint32(3266489917)
    byte = (u ^ u >> 16) >> 24
    return torch.from_numpy((byte.astype(np.float32) - 127.5) / 64).reshape(shape)


def randomise(net, inputs):
    """Weights of a sensible scale, and batch-norm statistics that fit the activations, though not exactly."""
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
            if m.bias is not None:
                nn.init.normal_(m.bias, 0, 0.1)
    for m in norms:
        nn.init.uniform_(m.weight, 0.7, 1.3)
        nn.init.normal_(m.bias, 0.1, 0.2)
        m.momentum = None  # plain mean over the calibration batches
        m.reset_running_stats()
    net.train()
    for m in net.modules():
        if isinstance(m, (nn.Dropout,)) or type(m).__name__ == "StochasticDepth":
            m.eval()
    with torch.no_grad():
        net(inputs)
        for m in norms:
            m.running_mean += 0.2 * m.running_var.sqrt() * torch.randn_like(m.running_mean)
            m.running_var *= torch.empty_like(m.running_var).uniform_(0.7, 1.4)
    return net.eval()


def reference(net, x, module, target):
    """Logits, the inner tensor, and both gradients."""
    kept = {}

    def keep(_module, _inputs, output):
        output.retain_grad()
        kept["inner"] = output

    hook = net.get_submodule(module).register_forward_hook(keep)
    x = x.clone().requires_grad_()
    logits = net(x)
    logits.flatten(1)[:, target].sum().backward()
    hook.remove()
    return [t.detach().double() for t in (logits, kept["inner"], x.grad, kept["inner"].grad)]


def largest_difference(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


def wobble(net, x, module, target, exact, trials=4, size=1e-6):
    """How far the answers are apart where every parameter is off by a few units in the last place of single precision, as
    with sums in another order: far, where a ReLU or a maximum hangs on it."""
    worst = 0
    for _ in range(trials):
        other = copy.deepcopy(net).double()
        with torch.no_grad():
            for p in other.parameters():
                p.mul_(1 + size * torch.randn_like(p))
        worst = max([worst] + [largest_difference(a, b) for a, b in zip(reference(other, x.double(), module, target), exact)])
    return worst


def submodule(scope):
    """'features/features.3' is the scope of the exported nodes; the module is named by its last part."""
    last = scope.split("/")[-1]
    return last if last.split(".")[0] == scope.split("/")[0] else scope.replace("/", ".")


def export(net, x, path, opset, fold, extra):
    buffer = io.BytesIO()
    mode = torch.onnx.TrainingMode.EVAL if fold else torch.onnx.TrainingMode.PRESERVE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, x[:1], buffer, opset_version=opset, training=mode, input_names=["input"],
                          output_names=["logits"], dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}}, **extra)
    model = onnx.load_from_string(buffer.getvalue())
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return model


def thinned_out(array):
    flat = np.ascontiguousarray(array.numpy()).reshape(-1)
    stride = max(1, flat.size // KEPT) | 1  # odd, so that all places of a row are visited
    return flat[::stride].astype(np.float32), {"stride": stride, "size": int(flat.size),
                                               "largest": float(np.abs(flat).max()),
                                               "norm": float(np.linalg.norm(flat))}


def golden(out, name, build, shape, scope, opset, fold, extra):
    extra = dict(extra)
    target = extra.pop("target", TARGET)
    for seed in range(20):
        torch.manual_seed(1000 + seed)
        net = build()
        x = hashed((SAMPLES,) + shape, seed)
        randomise(net, torch.cat([x, 1.3 * torch.randn_like(x), x.flip(-1)]))
        exact = reference(copy.deepcopy(net).double(), x.double(), submodule(scope), target)
        single = reference(net, x, submodule(scope), target)
        # No ReLU or maximum may hang on the last bit: single precision has to agree well, in whatever order it sums.
        error = max(largest_difference(a, b) for a, b in zip(single, exact))
        spread = exact[0].std(0).min().item()
        if error < 1e-5 and spread > 1e-3 and wobble(net, x, submodule(scope), target, exact) < 2e-5:
            break
    else:
        raise SystemExit(f"{name}: no seed without a kink (last: error {error:g}, spread {spread:g})")

    model = export(net, x, out / f"{name}.onnx", opset, fold, extra)
    inner = [n.output[0] for n in model.graph.node if n.name.startswith(f"/{scope}/")][-1]
    np.save(out / f"{name}.logits.npy", exact[0].numpy().astype(np.float32))
    entry = {"name": name, "opset": opset, "seed": seed, "samples": SAMPLES, "shape": list(shape), "target": target, "inner_name": inner,
             "inner_shape": list(exact[1].shape[1:])}
    for key, array in (("inner", exact[1]), ("input.grad", exact[2]), ("inner.grad", exact[3])):
        values, facts = thinned_out(array)
        np.save(out / f"{name}.{key}.npy", values)
        entry[key] = facts
    operators = sorted({n.op_type for n in model.graph.node})
    print(f"{name}: seed {seed}, opset {opset}, {(out / f'{name}.onnx').stat().st_size} bytes, error {error:.1e}, "
          f"logits {exact[0].abs().max():.3g}, {inner} {entry['inner_shape']}, gradients "
          f"{entry['input.grad']['largest']:.2g} {entry['inner.grad']['largest']:.2g}\n    {' '.join(operators)}")
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests" / "golden" / "data" / "torch")
    parser.add_argument("names", nargs="*", help="only these")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    index_path = args.out / "index.json"
    entries = {e["name"]: e for e in json.loads(index_path.read_text())["networks"]} if index_path.exists() else {}
    for network in NETWORKS:
        if not args.names or network[0] in args.names:
            entries[network[0]] = golden(args.out, *network)
    order = [entries[n[0]] for n in NETWORKS if n[0] in entries]
    index_path.write_text(json.dumps({"made_with": f"torch {torch.__version__}", "networks": order}, indent=1) + "\n")


if __name__ == "__main__":
    main()
