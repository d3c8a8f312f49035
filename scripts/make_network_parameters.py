#!/usr/bin/python3
"""Makes tests/network/parameters.txt: what the parameters of torchvision's networks (and of ResNeSt) are called.

A line a network: its name, the number of parameters and statistics, how many numbers they hold in all, and the
SHA-256 of the lines "NAME AxBxC" in the order of the names. Three input channels, a thousand outputs.
"""
import hashlib
import pathlib

from goldens.reference import NAMES, VERSIONS, build, parameters

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "network" / "parameters.txt"


def main():
    lines = [f"# scripts/make_network_parameters.py, {VERSIONS}"]
    for name in NAMES:
        net = build(name, 1000)
        state = net.state_dict()
        listed = sorted((ours, state[key].shape) for ours, key in parameters(name, net).items())
        text = "".join(f"{ours} {'x'.join(map(str, shape))}\n" for ours, shape in listed)
        lines.append(f"{name} {len(listed)} {sum(shape.numel() for _, shape in listed)} "
                     f"{hashlib.sha256(text.encode()).hexdigest()}")
    OUT.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
