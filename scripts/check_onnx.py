#!/usr/bin/env python3
"""Checks ONNX files with ONNX's own checker, shapes included (tests/network/test_network_checker.c).

usage: check_onnx.py FILE...

Exit code 0: all are valid. 1: one is not, and why on stderr. 77: onnx is not installed.
"""
import sys

try:
    import onnx
except ImportError:
    sys.exit(77)


def main():
    for path in sys.argv[1:]:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        if model.producer_name != "narrows" or not model.producer_version:
            sys.exit(f"{path}: made by {model.producer_name!r} {model.producer_version!r}")


if __name__ == "__main__":
    main()
