"""torchvision's residual networks with the engine's width and stem settings, and weights by formula."""

import torch
import torchvision
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

import formula

DEPTHS = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
}


def scaled(channels: int, width: float) -> int:
    """Channels of a layer: a multiple of 8, at least 8."""
    return max(1, round(channels * width / 8)) * 8


def build(depth: str, classes: int, width: float = 1.0, stem: str = "imagenet", channels: int = 3) -> ResNet:
    """A torchvision ResNet; at width 1 with the imagenet stem and 3 channels it is torchvision's own, untouched."""
    if (width, stem, channels) == (1.0, "imagenet", 3):
        return getattr(torchvision.models, depth)(weights=None, num_classes=classes)
    block, layers = DEPTHS[depth]
    net = ResNet(block, layers, num_classes=classes)
    net.inplanes = scaled(64, width)
    if stem == "small":
        net.conv1 = nn.Conv2d(channels, net.inplanes, 3, stride=1, padding=1, bias=False)
    else:
        net.conv1 = nn.Conv2d(channels, net.inplanes, 7, stride=2, padding=3, bias=False)
    if stem != "imagenet":
        net.maxpool = nn.Identity()
    net.bn1 = nn.BatchNorm2d(net.inplanes)
    for stage in range(4):
        planes = scaled(64 << stage, width)
        layer = net._make_layer(block, planes, layers[stage], stride=1 if stage == 0 else 2)
        setattr(net, f"layer{stage + 1}", layer)
    net.fc = nn.Linear(scaled(512, width) * block.expansion, classes)
    return net


def fill(net: nn.Module) -> nn.Module:
    """Puts the formula's values into every parameter and buffer."""
    state = {}
    for name, value in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state[name] = value
        else:
            shape = tuple(value.shape)
            state[name] = torch.from_numpy(formula.tensor(name, shape, formula.kind_of(name, shape)))
    net.load_state_dict(state)
    return net


def images(case: str, items: int, size: int, channels: int = 3) -> torch.Tensor:
    """The case's input: made NHWC as the engine takes it, given NCHW as PyTorch does."""
    values = formula.tensor(f"{case}.input", (items, size, size, channels), "input")
    return torch.from_numpy(values).permute(0, 3, 1, 2).contiguous()


def labels(case: str, items: int, classes: int) -> torch.Tensor:
    """The case's labels."""
    return torch.from_numpy((formula.bits(f"{case}.labels", items) % classes).astype("int64"))
