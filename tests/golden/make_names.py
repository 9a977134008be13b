"""Writes names/resnet{18,34,50}.txt: torchvision's state dict, a name and a shape a line, in its order.

    python make_names.py
"""

from pathlib import Path

import torchvision

for depth in ("resnet18", "resnet34", "resnet50"):
    state = getattr(torchvision.models, depth)(weights=None).state_dict()
    lines = [" ".join([name, *map(str, value.shape)]) for name, value in state.items()]
    folder = Path("names")
    folder.mkdir(exist_ok=True)
    (folder / f"{depth}.txt").write_text("\n".join(lines) + "\n")
