"""Pictures a second of torchvision's DataLoader with two workers: JPEG to strongly augmented, normalised tensors."""

import argparse
import json
import time
from pathlib import Path

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

BATCH = 32
SECONDS = 5.0


class Faces(Dataset):
    """Pictures again and again, as many as are asked for."""

    def __init__(self, folder, size):
        self.paths = sorted(Path(folder).glob("*.jpg"))
        self.transform = v2.Compose(
            [
                v2.RandomResizedCrop(size, scale=(0.75, 1.0), ratio=(1.0, 1.0)),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(0.2, 0.2, 0.2),
                v2.RandAugment(num_ops=2, magnitude=9),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.5] * 3, [0.25] * 3),
                v2.RandomErasing(),
            ]
        )

    def __len__(self):
        return 1_000_000

    def __getitem__(self, item):
        return self.transform(Image.open(self.paths[item % len(self.paths)]).convert("RGB"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--size", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batches = iter(DataLoader(Faces(arguments.data, arguments.size), batch_size=BATCH, num_workers=2))
    for _ in range(4):
        next(batches)
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        images += len(next(batches))
    seconds = time.perf_counter() - start
    line = {"peer": "torchvision", "size": arguments.size, "workers": 2, "images_per_second": images / seconds}
    print(json.dumps(line))


if __name__ == "__main__":
    main()
