#!/usr/bin/env python3
"""Runs a network of src/network in PyTorch, on the weights of its file (tests/network/test_network_torch_long.c).

usage: check_network.py NAME MODEL.onnx LOGITS.f32

LOGITS.f32: float32 numbers, what Narrows gives for the hashed inputs of tests/network/network.h. Exit code 0: the file
holds exactly the parameters of PyTorch's network, and both give the same within 1e-4 of the largest logit. 1: not, and
why on stderr. 77: PyTorch, torchvision or onnx is not installed.
"""
import sys

try:
    import numpy as np
    import onnx
    import onnx.numpy_helper
    import torch
    from goldens.reference import build, hashed, parameters
except ImportError:
    sys.exit(77)


def main():
    name, path, logits_path = sys.argv[1:4]
    graph = onnx.load(path).graph
    weights = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    logits = torch.from_numpy(np.fromfile(logits_path, np.float32))
    outputs = graph.output[0].type.tensor_type.shape.dim[1].dim_value
    logits = logits.reshape(-1, outputs)

    net = build(name, outputs)
    keys = parameters(name, net)
    if set(keys) != set(weights):
        sys.exit(f"{name}: only in PyTorch {sorted(set(keys) - set(weights))[:5]}, "
                 f"only in the file {sorted(set(weights) - set(keys))[:5]}")
    state = {key: torch.from_numpy(weights[ours].copy()) for ours, key in keys.items()}
    missing, unexpected = net.load_state_dict(state, strict=False)  # fails where shapes differ
    missing = [key for key in missing if not key.endswith(".num_batches_tracked")]
    if missing or unexpected:
        sys.exit(f"{name}: missing {missing}, unexpected {unexpected}")

    sizes = [d.dim_value for d in graph.input[0].type.tensor_type.shape.dim[1:]]
    with torch.no_grad():
        expected = net.eval()(hashed([len(logits)] + sizes))
    difference = ((expected - logits).abs().max() / expected.abs().max()).item()
    print(f"    {name}: largest logit {expected.abs().max():.4g}, difference {difference:.1e} of it")
    if not difference <= 1e-4:
        sys.exit(f"{name}: PyTorch gives {expected.tolist()}, Narrows {logits.tolist()}")


if __name__ == "__main__":
    main()
