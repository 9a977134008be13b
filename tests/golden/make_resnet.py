"""Writes resnet.safetensors: logits (and some features) of torchvision's residual networks.

Run from this folder in an environment with torch, torchvision, safetensors and numpy:

    python make_resnet.py

Weights and inputs come from formula.py; computed in float64, stored as float32. Each case prints how far PyTorch's
own float32 result is from the stored one, which says how much of a backend's error the arithmetic explains.
"""

import numpy as np
import torch
from safetensors.numpy import save_file

import formula
import nets

# name, depth, input side, items, classes, channels, stem, batch statistics
CASES = [
    ("resnet18-64", "resnet18", 64, 2, 8, 3, "imagenet", False),
    ("resnet34-48", "resnet34", 48, 2, 8, 3, "imagenet", False),
    ("resnet50-48", "resnet50", 48, 2, 8, 3, "imagenet", False),
    ("resnet50-224", "resnet50", 224, 1, 1000, 3, "imagenet", False),
    ("resnet18-63-no-pool", "resnet18", 63, 2, 8, 3, "no_pool", False),
    ("resnet18-33-small-grey", "resnet18", 33, 2, 8, 1, "small", False),
    ("resnet18-64-batch-statistics", "resnet18", 64, 4, 8, 3, "imagenet", True),
    ("resnet50-48-batch-statistics", "resnet50", 48, 8, 8, 3, "imagenet", True),
]
# Tensors by which the Rust side checks that it makes the same.
FORMULA = [
    ("conv1.weight", (2, 3, 2), "weight"),
    ("bn1.weight", (5,), "scale"),
    ("bn3.weight", (5,), "branch"),
    ("bn1.bias", (5,), "shift"),
    ("x.input", (5,), "input"),
]


def relative(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a.double() - b).abs().max() / b.abs().max())


def main() -> None:
    out = {}
    for case, depth, size, items, classes, channels, stem, batch_statistics in CASES:
        single = nets.fill(nets.build(depth, classes, stem=stem, channels=channels)).train(batch_statistics)
        x = nets.images(case, items, size, channels)
        with torch.no_grad():
            rough = single(x)
            net = nets.fill(nets.build(depth, classes, stem=stem, channels=channels)).double()
            net.train(batch_statistics)
            kept = {}
            net.avgpool.register_forward_hook(lambda _m, _i, o: kept.update(features=o.flatten(1)))
            logits = net(x.double())
        out[f"{case}.logits"] = logits.float().numpy()
        if case == "resnet18-64":
            out[f"{case}.features"] = kept["features"].float().numpy()
        if batch_statistics:
            buffers = [(n, v.numpy()) for n, v in net.state_dict().items() if "running_" in n]
            out[f"{case}.running"] = formula.summaries(buffers)
        print(f"{case}: max |logit| {float(logits.abs().max()):.3f}, float32 is off by {relative(rough, logits):.1e}")
    for name, shape, kind in FORMULA:
        out[f"formula.{kind}.{name}"] = formula.tensor(name, shape, kind)
    out["formula.signs"] = formula.signs("projection0.conv1.weight", 16)
    out["formula.summary"] = formula.summary("conv1.weight", formula.tensor("conv1.weight", (4, 3, 2), "weight"))
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "resnet.safetensors")


if __name__ == "__main__":
    main()
