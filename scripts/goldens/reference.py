"""The networks of src/network as PyTorch has them: torchvision's, and ResNeSt after its paper."""
import re

import torch
import torchvision
from torchvision import models

from . import resnest

RESNESTS = {"resnest50": ((3, 4, 6, 3), 32), "resnest101": ((3, 4, 23, 3), 64)}
NAMES = ["resnet18", "resnet34", "resnet50", "resnet101", "resnest50", "resnest101", "densenet121", "efficientnet_b0",
         "resnet18_3d"]


def build(name, outputs):
    """With three input channels, at full width."""
    if name == "resnet18_3d":
        return models.video.r3d_18(num_classes=outputs)
    if name not in RESNESTS:
        return getattr(models, name)(num_classes=outputs)
    blocks, stem = RESNESTS[name]
    small, resnest.Bottleneck.EXPANSION = resnest.Bottleneck.EXPANSION, 4
    try:
        return resnest.ResNeSt(width=64, blocks=blocks, classes=outputs, stem=stem)
    finally:
        resnest.Bottleneck.EXPANSION = small


def our_name(name, key):
    """The name of a parameter in Narrows: the key of the state_dict; of ResNeSt's stem, the reference
    implementation's, where the last norm stands outside."""
    if name in RESNESTS:
        key = re.sub(r"^stem\.7\.", "bn1.", key)
        key = re.sub(r"^stem\.", "conv1.", key)
    return key


def parameters(name, net):
    """{our name: key of the state_dict}, without the counters of batch-norms, which inference does not need."""
    return {our_name(name, key): key for key in net.state_dict() if not key.endswith(".num_batches_tracked")}


def hashed(shape):
    """As network_hashed() in tests/network/network.h."""
    import numpy as np
    u = np.arange(np.prod(shape), dtype=np.uint32) * np.uint32(2654435761) + np.uint32(40503)
    u = (u ^ u >> 15) * np.uint32(2246822519)
    u = (u ^ u >> 13) * np.uint32(3266489917)
    byte = (u ^ u >> 16) >> 24
    return torch.from_numpy((byte.astype(np.float32) - np.float32(127.5)) / 64).reshape(tuple(shape))


VERSIONS = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
