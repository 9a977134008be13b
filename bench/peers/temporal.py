"""Times PyTorch's encoder beside `affekt bench --model temporal`: the same layers, one JSON line a measurement.

    python temporal.py --mode train --batch 32

64 frames of 2048 features and a presence channel, width 512, 4 pre-norm layers, 8 heads, feed-forward 1024, dropout
0.2 after attention and in the feed-forward part (not on attention weights, as in affekt), AdamW. A missing frame is
masked as a key; all are present here.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from torch import nn

FRAMES, FEATURES, WIDTH, LAYERS, HEADS, HIDDEN, CLASSES, DROPOUT = 64, 2048, 512, 4, 8, 1024, 8, 0.2


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.projection = nn.Linear(FEATURES + 1, WIDTH)
        self.positions = nn.Parameter(0.02 * torch.randn(FRAMES, WIDTH))
        layer = nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        norm = nn.LayerNorm(WIDTH)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, norm=norm, enable_nested_tensor=False)
        for layer in self.encoder.layers:
            layer.self_attn.dropout = 0.0
        self.classifier = nn.Linear(WIDTH, CLASSES)

    def forward(self, x):
        hidden = self.projection(x) + self.positions
        return self.classifier(self.encoder(hidden, src_key_padding_mask=x[..., -1] < 0.5))


def work(args):
    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    net = Encoder().train(args.mode == "train")
    x = torch.randn(args.batch, FRAMES, FEATURES + 1)
    x[..., -1] = 1
    if args.mode == "infer":

        def infer():
            with torch.inference_mode():
                net(x)

        return infer
    y = torch.randint(CLASSES, (args.batch * FRAMES,))
    rule = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=1e-2)

    def train():
        rule.zero_grad()
        nn.functional.cross_entropy(net(x).flatten(0, 1), y).backward()
        rule.step()

    return train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--mode", default="train", choices=["infer", "train"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--iterations", type=int, default=10)
    args = parser.parse_args()
    run, times = work(args), []
    for _ in range(2):
        run()
    for _ in range(args.iterations):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    line = {"peer": "torch", "model": "temporal", "mode": args.mode, "batch": args.batch, "threads": args.threads}
    line["ms_min"] = round(min(times), 2)
    line["ms_median"] = round(statistics.median(times), 2)
    line["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    print(json.dumps(line))


if __name__ == "__main__":
    main()
