"""The architectures of the goldens: torchvision's own code at small widths, five classes."""
from functools import partial

from torch import nn
from torchvision import models
from torchvision.models import efficientnet, mobilenetv3, regnet, vgg
from torchvision.ops import Conv2dNormActivation

from .resnest import ResNeSt
from .thin import thin
from .unet import unet_nearest, unet_resize, unet_transpose

CLASSES = 5


def thinned(make, divisor):
    def build():
        with thin(divisor):
            return make()
    return build


def vgg11_bn():
    net = vgg.VGG(vgg.make_layers([8, "M", 16, "M", 24, 24, "M", 32, 32, "M", 32, 32, "M"], batch_norm=True))
    net.avgpool = nn.AdaptiveAvgPool2d(1)
    net.classifier = nn.Sequential(nn.Linear(32, 24), nn.ReLU(), nn.Dropout(), nn.Linear(24, CLASSES))
    return net


def mobilenet_v2():
    with thin(2):
        net = models.MobileNetV2(num_classes=CLASSES, width_mult=0.2, round_nearest=4)
    last = net.features[-1][0].in_channels
    net.features[-1] = Conv2dNormActivation(last, 96, kernel_size=1, activation_layer=nn.ReLU6)
    net.classifier[1] = nn.Linear(96, CLASSES)
    return net


def mobilenet_v3_small():
    setting, _ = mobilenetv3._mobilenet_v3_conf("mobilenet_v3_small", width_mult=0.25)
    return models.MobileNetV3(setting, 64, num_classes=CLASSES)


def efficientnet_b0():
    setting, _ = efficientnet._efficientnet_conf("efficientnet_b0", width_mult=0.125, depth_mult=0.6)
    return efficientnet.EfficientNet(setting, 0.2, num_classes=CLASSES, last_channel=96)


def regnet_y_400mf():
    params = regnet.BlockParams.from_init_params(depth=16, w_0=8, w_a=2.4, w_m=2.09, group_width=4, se_ratio=0.25)
    return regnet.RegNet(params, num_classes=CLASSES, stem_width=8, norm_layer=partial(nn.BatchNorm2d, eps=1e-5))


def mnasnet():
    with thin(3):
        net = models.MNASNet(0.2, num_classes=CLASSES)
    net.layers[-3] = nn.Conv2d(net.layers[-3].in_channels, 48, 1, bias=False)
    net.layers[-2] = nn.BatchNorm2d(48)
    net.classifier[1] = nn.Linear(48, CLASSES)
    return net


def densenet121():
    return models.DenseNet(growth_rate=3, block_config=(6, 12, 24, 16), num_init_features=6, bn_size=1,
                           num_classes=CLASSES)


# name, builder, shape of one sample, module after which the inner tensor lies, opset, batch-norm folded,
# more arguments of the export (and `target`, the place of the output whose gradient is taken, where it is not TARGET)
MIDDLE = 32 * 32 + 16 * 32 + 16  # of the second of two label maps
NETWORKS = [
    ("resnet18", thinned(partial(models.resnet18, num_classes=CLASSES), 16), (3, 64, 64), "layer2", 11, True, {}),
    ("resnet50", thinned(partial(models.resnet50, num_classes=CLASSES), 32), (3, 64, 64), "layer2", 13, False, {}),
    ("resnest50", ResNeSt, (3, 64, 64), "layer2", 13, True, {}),
    ("resnest50_cardinality2", partial(ResNeSt, blocks=(1, 1, 2, 1), cardinality=2), (3, 64, 64), "layer2", 11, False,
     {"do_constant_folding": False}),
    ("densenet121", densenet121, (3, 64, 64), "features/denseblock2", 12, False, {}),
    ("vgg11_bn", vgg11_bn, (3, 64, 64), "features/features.13", 9, True, {}),
    ("squeezenet1_1", thinned(partial(models.squeezenet1_1, num_classes=CLASSES), 8), (3, 64, 64),
     "features/features.7", 10, True, {"keep_initializers_as_inputs": True}),
    ("googlenet", thinned(partial(models.googlenet, num_classes=CLASSES, aux_logits=False, transform_input=True,
                                  init_weights=False), 16), (3, 64, 64), "inception3b", 13, True, {}),
    ("inception_v3", thinned(partial(models.inception_v3, num_classes=CLASSES, aux_logits=False, init_weights=False),
                             32), (3, 80, 80), "Mixed_5c", 14, True, {}),
    ("mobilenet_v2", mobilenet_v2, (3, 64, 64), "features/features.6", 11, False, {}),
    ("mobilenet_v3_small", thinned(mobilenet_v3_small, 2), (3, 64, 64), "features/features.3", 14, True, {}),
    ("mobilenet_v3_small_opset11", thinned(mobilenet_v3_small, 3), (3, 64, 64), "features/features.5", 11, False,
     {"do_constant_folding": False}),
    ("shufflenet_v2", partial(models.ShuffleNetV2, [4, 8, 4], [8, 16, 32, 64, 96], num_classes=CLASSES), (3, 64, 64),
     "stage2", 13, True, {}),
    ("efficientnet_b0", thinned(efficientnet_b0, 2), (3, 64, 64), "features/features.3", 15, True, {}),
    ("regnet_y_400mf", regnet_y_400mf, (3, 64, 64), "trunk_output/block2", 17, True, {}),
    ("mnasnet", mnasnet, (3, 64, 64), "layers/layers.9", 13, False, {}),
    ("resnet18_3d", thinned(partial(models.video.r3d_18, num_classes=CLASSES), 32), (3, 8, 32, 32), "layer2", 13, True,
     {}),
    ("resnet21d_3d", thinned(partial(models.video.r2plus1d_18, num_classes=CLASSES), 32), (3, 8, 32, 32), "layer3", 13,
     False, {}),
    ("unet_resize", unet_resize, (1, 32, 32), "middle", 13, False, {"target": MIDDLE}),
    ("unet_nearest", unet_nearest, (1, 32, 32), "middle", 11, True, {"target": MIDDLE}),
    ("unet_transpose", unet_transpose, (1, 32, 32), "middle", 13, True, {"target": MIDDLE}),
]
