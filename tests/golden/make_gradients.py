"""Writes gradients.safetensors: losses, every gradient and ten training steps of small residual networks.

Run from this folder in an environment with torch, torchvision, safetensors and numpy:

    python make_gradients.py

Everything is computed in float64 with weights and inputs from formula.py. Gradients, running statistics and trained
weights are kept as summaries (formula.summary). Each case prints how far PyTorch's own float32 gradients are.
"""

import sys

import numpy as np
import torch
from safetensors.numpy import save_file
from torch.nn.functional import cross_entropy

import formula
import nets

# name, depth, input side, channels, stem, variant of the input. The variant is the one of 40 whose values stay
# farthest from every rectifier's and maximum's turning point (`--search`): there a gradient jumps, and a backend that
# rounds differently would be told apart by luck.
CASES = [
    ("resnet18-33", "resnet18", 33, 3, "imagenet", 27),
    ("resnet18-48-no-pool", "resnet18", 48, 3, "no_pool", 35),
    ("resnet18-33-small-grey", "resnet18", 33, 1, "small", 33),
    ("resnet50-48", "resnet50", 48, 3, "imagenet", 30),
    ("resnet50-33-no-pool", "resnet50", 33, 3, "no_pool", 12),
]
TRAINED = ("resnet18-33", "resnet50-48")
ITEMS, CLASSES, WIDTH = 3, 8, 0.125
# Decay is strong so that three steps without it, or with it on batch-norm, are told apart.
STEPS, RATE, MOMENTUM, DECAY = 10, 0.005, 0.9, 0.05


def batch(case, size, channels, variant):
    x = nets.images(f"{case}.{variant}", ITEMS, size, channels)
    return x.double(), nets.labels(case, ITEMS, CLASSES)


def margin(net, x):
    """The least distance of a value from a turning point: zero at a rectifier, its rival in a maximum pool."""
    least = []

    def relu(_module, inputs):
        least.append(float(inputs[0].abs().min()))

    def pool(module, inputs):
        windows = torch.nn.functional.unfold(inputs[0], module.kernel_size, padding=module.padding, stride=module.stride)
        first, second = windows.unflatten(1, (-1, module.kernel_size**2)).topk(2, dim=2).values.unbind(2)
        least.append(float((first - second)[first > 0].min()))

    for module in net.modules():
        if isinstance(module, torch.nn.ReLU):
            module.register_forward_pre_hook(relu)
        if isinstance(module, torch.nn.MaxPool2d):
            module.register_forward_pre_hook(pool)
    with torch.no_grad():
        net(x)
    return min(least)


def search(case, depth, size, channels, stem) -> None:
    """Prints the best variant of a case."""
    net = nets.fill(nets.build(depth, CLASSES, WIDTH, stem, channels)).double().train()
    margins = [margin(net, batch(case, size, channels, variant)[0]) for variant in range(40)]
    best = max(range(40), key=margins.__getitem__)
    print(f"{case}: variant {best} keeps {margins[best]:.1e}")


def gradients(net, x, y):
    logits = net(x)
    loss = cross_entropy(logits, y)
    loss.backward()
    return logits.detach(), float(loss.detach()), [p.grad for p in net.parameters()]


def train(net, x, y):
    """Ten steps as the engine's SGD does them: decay on convolution and linear weights only."""
    decayed = [p for p in net.parameters() if p.dim() > 1]
    free = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": decayed, "weight_decay": DECAY}, {"params": free, "weight_decay": 0.0}]
    rule = torch.optim.SGD(groups, lr=RATE, momentum=MOMENTUM)
    losses, third = [], {}
    for step in range(STEPS):
        rule.zero_grad()
        loss = cross_entropy(net(x), y)
        loss.backward()
        rule.step()
        losses.append(float(loss.detach()))
        if step == 2:
            third = {name: value.detach().clone().numpy() for name, value in net.state_dict().items()}
    return losses, third


def buffers(net):
    return [(name, value.numpy()) for name, value in net.state_dict().items() if "running_" in name]


def main() -> None:
    out = {"rule": np.array([RATE, MOMENTUM, DECAY])}
    for case, depth, size, channels, stem, variant in CASES:
        if "--search" in sys.argv:
            search(case, depth, size, channels, stem)
            continue

        def fresh():
            return nets.fill(nets.build(depth, CLASSES, WIDTH, stem, channels)).train()

        x, y = batch(case, size, channels, variant)
        net = fresh().double()
        logits, loss, exact = gradients(net, x, y)
        _, _, rough = gradients(fresh(), x.float(), y)
        out[f"{case}.logits"] = logits.numpy()
        out[f"{case}.loss"] = np.array([loss])
        out[f"{case}.labels"] = y.numpy()
        names = [name for name, _ in net.named_parameters()]
        out[f"{case}.gradients"] = formula.summaries(zip(names, (g.numpy() for g in exact)))
        out[f"{case}.running"] = formula.summaries(buffers(net))
        worst = max(float((r.double() - e).norm() / e.norm()) for r, e in zip(rough, exact))
        print(f"{case}: loss {loss:.4f}, float32 gradients are off by {worst:.1e} at worst")
        if case in TRAINED:
            losses, third = train(fresh().double(), x, y)
            out[f"{case}.losses"] = np.array(losses)
            out[f"{case}.third"] = formula.summaries((n, v) for n, v in third.items() if "num_batches" not in n)
            rough_losses, rough_third = train(fresh(), x.float(), y)
            drift = [np.linalg.norm(rough_third[n] - v) / np.linalg.norm(v) for n, v in third.items() if v.ndim]
            print(f"  weights after three steps in float32 are off by {max(drift):.1e} at worst")
            print("  losses", " ".join(f"{v:.5f}" for v in losses))
            print("  in f32", " ".join(f"{v:.5f}" for v in rough_losses))
    if "--search" not in sys.argv:
        save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "gradients.safetensors")


if __name__ == "__main__":
    main()
