"""Writes temporal.safetensors: logits, loss, every gradient and ten AdamW steps of small temporal encoders.

Run from this folder in an environment with torch, safetensors and numpy:

    python make_temporal.py

Everything is computed in float64 with weights and inputs from formula.py. The network is torch.nn.TransformerEncoder
with its own parameter names. Missing frames are masked as keys; the loss is the mean cross entropy of present frames.
"""

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

import formula

FEATURES, CLASSES, FRAMES, WIDTH, LAYERS, HEADS, HIDDEN, ITEMS = 21, 7, 13, 36, 2, 3, 40, 3
# Epsilon is far above rounding: the gradient of a key's bias is zero but for it, and must not be blown up.
STEPS, RATE, BETAS, EPSILON, DECAY = 10, 2e-3, (0.9, 0.98), 1e-4, 0.1


class Encoder(nn.Module):
    def __init__(self, causal: bool):
        super().__init__()
        self.causal = causal
        self.projection = nn.Linear(FEATURES + 1, WIDTH)
        self.positions = nn.Parameter(torch.zeros(FRAMES, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, norm=norm, enable_nested_tensor=False)
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        missing = x[..., -1] < 0.5
        mask = torch.triu(torch.ones(FRAMES, FRAMES, dtype=torch.bool), 1) if self.causal else None
        x = self.projection(x) + self.positions
        return self.classifier(self.encoder(x, mask=mask, src_key_padding_mask=missing))


def kind_of(name, shape):
    if name == "positions" or name.endswith("bias"):
        return "shift"
    return "weight" if len(shape) > 1 else "scale"


def fresh(causal):
    net = Encoder(causal)
    state = {n: torch.from_numpy(formula.tensor(n, tuple(v.shape), kind_of(n, v.shape))) for n, v in net.state_dict().items()}
    net.load_state_dict(state)
    return net.train()


def batch(case):
    count = ITEMS * FRAMES
    there = (formula.signs(f"{case}.there", count) > 0) | (formula.signs(f"{case}.too", count) > 0)
    there = there.reshape(ITEMS, FRAMES)
    there[:, 0] = True
    x = formula.tensor(f"{case}.input", (ITEMS, FRAMES, FEATURES + 1), "input") * there[..., None]
    x[..., -1] = there
    labels = (formula.bits(f"{case}.labels", count) % CLASSES).astype("int64").reshape(ITEMS, FRAMES)
    labels[~there] = -1
    return torch.from_numpy(x.astype("float32")), torch.from_numpy(labels)


def loss_of(net, x, y):
    logits = net(x)
    return logits, nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=-1)


def train(net, x, y):
    """Ten steps with decay on weights only, as the engine does them."""
    weights = [p for n, p in net.named_parameters() if p.dim() > 1 and n != "positions"]
    free = [p for n, p in net.named_parameters() if p.dim() == 1 or n == "positions"]
    groups = [{"params": weights, "weight_decay": DECAY}, {"params": free, "weight_decay": 0.0}]
    rule = torch.optim.AdamW(groups, lr=RATE, betas=BETAS, eps=EPSILON)
    losses = []
    for _ in range(STEPS):
        rule.zero_grad()
        _, loss = loss_of(net, x, y)
        loss.backward()
        rule.step()
        losses.append(float(loss.detach()))
    return losses, {n: v.detach().numpy() for n, v in net.state_dict().items()}


def main() -> None:
    out = {"rule": np.array([RATE, *BETAS, EPSILON, DECAY])}
    for case, causal in (("clips", False), ("clips-causal", True)):
        x, y = batch(case)
        net = fresh(causal).double()
        logits, loss = loss_of(net, x.double(), y)
        loss.backward()
        out[f"{case}.logits"] = logits.detach().numpy()
        out[f"{case}.loss"] = np.array([float(loss.detach())])
        # Sorted by name, as the engine lists tensors.
        named = sorted((n, p.grad.numpy()) for n, p in net.named_parameters())
        out[f"{case}.gradients"] = formula.summaries(named)
        losses, last = train(fresh(causal).double(), x.double(), y)
        out[f"{case}.losses"] = np.array(losses)
        out[f"{case}.last"] = formula.summaries(sorted(last.items()))
        rough, rough_last = train(fresh(causal), x, y)
        drift = max(np.linalg.norm(rough_last[n] - v) / np.linalg.norm(v) for n, v in last.items())
        print(f"{case}: losses", " ".join(f"{v:.5f}" for v in losses))
        print("  in f32", " ".join(f"{v:.5f}" for v in rough), f"weights off by {drift:.1e}")
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, "temporal.safetensors")


if __name__ == "__main__":
    main()
