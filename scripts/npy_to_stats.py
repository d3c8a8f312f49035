#!/usr/bin/python3
"""Feature statistics that another program left as .npy, as a file for `narrows ... --stats`:

    npy_to_stats.py MEAN.npy STD.npy ACTIVE.npy OUT.safetensors
"""
import json
import struct
import sys

import numpy

*sources, target = sys.argv[1:]
if len(sources) != 3:
    sys.exit(__doc__)
header, body = {}, b""
for name, source in zip(("mean", "std", "active"), sources):
    values = numpy.load(source).astype("<f4")
    header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(body), len(body) + values.nbytes]}
    body += values.tobytes()
text = json.dumps(header).encode()
with open(target, "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + body)
