"""Trains the built-in face detector, `face-detector.onnx`, from another detector's answers.

    python train_detector.py surround FERPLUS.tar BACKGROUNDS FOLDER [--every N]     # faces of FER+ within larger pictures
    python train_detector.py teach  PHOTOS BACKGROUNDS TEACHER.onnx FACES.npz [--surrounded FOLDER]  # the teacher looks at each
    python train_detector.py train  PHOTOS BACKGROUNDS FACES.npz RUN [--minutes N] # goes on where RUN stands
    python train_detector.py export RUN face-detector.onnx
    python train_detector.py judge  PHOTOS BACKGROUNDS FACES.npz TEACHER.onnx STUDENT.onnx
    python train_detector.py lay    PHOTOS BACKGROUNDS FACES.npz FOLDER            # the judge's pictures as files
    python train_detector.py count  FOLDER RESULTS           # what `affekt analyze FOLDER/* --as photos` found in them

PHOTOS is a folder of pictures of people, or several with commas; BACKGROUNDS one of pictures without. TEACHER is a YuNet.
FOLDER may be one of PHOTOS: there the teacher may miss a face, and the student learns it all the same, without landmarks.
The teacher looks at each photo as it is, enlarged and reduced; the student sees scenes made of these photos: other sizes,
turned, blurred, dark, compressed, cut out and pasted, side by side, and scenes without a face. What the teacher is unsure
of teaches neither way. Every tenth picture is held back for `judge`.

The student sees grey pictures, because its teachers' photos were grey; its first layer carries the weights of luma.

Needs torch, numpy, opencv-python-headless, onnx and onnxruntime.
"""

import argparse
import pathlib
import time

import cv2
import numpy as np

from detection.graph import Drawing
from detection.judging import count, judge, lay
from detection.scenes import Scenes
from detection.teacher import STRIDES, SURE, UNSURE, Detector, surround, teach

# Sizes (square root of the area, in pixels) that each stride's cells answer for; between two, both do.
SIZES = ((0.0, 40.0), (32.0, 100.0), (80.0, 1e9))
SMALLEST = 9.0


# ----------------------------------------------------------------------------------------------------------- the student
def pair_type():
    import torch
    from torch import nn

    class Pair(nn.Module):
        """A point-wise convolution and a depth-wise one, as the engine's kernels run them."""

        def __init__(self, before, after):
            super().__init__()
            self.point = nn.Conv2d(before, after, 1)
            self.depth = nn.Conv2d(after, after, 3, padding=1, groups=after, bias=False)
            self.norm = nn.BatchNorm2d(after, momentum=0.03)

        def forward(self, x):
            return torch.relu(self.norm(self.depth(self.point(x))))

    return Pair


def network():
    import torch
    from torch import nn

    Pair = pair_type()

    class Student(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(1, 16, 3, 2, 1, bias=False)
            self.stem_norm = nn.BatchNorm2d(16, momentum=0.03)
            self.s2 = nn.Sequential(Pair(16, 16))
            self.s4 = nn.Sequential(Pair(16, 32), Pair(32, 48))
            self.s8 = nn.Sequential(Pair(48, 64), Pair(64, 64))
            self.s16 = nn.Sequential(Pair(64, 64), Pair(64, 64), Pair(64, 64))
            self.s32 = nn.Sequential(Pair(64, 64), Pair(64, 64), Pair(64, 64))
            self.sides = nn.ModuleList(Pair(64, 64) for _ in STRIDES)
            self.heads = nn.ModuleList(Pair(64, 64) for _ in STRIDES)
            kinds = (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10))
            self.answers = nn.ModuleList(nn.ModuleDict({k: nn.Conv2d(64, n, 1) for k, n in kinds}) for _ in STRIDES)
            for answer in self.answers:
                for kind in ("cls", "obj"):
                    nn.init.constant_(answer[kind].bias, -4.0)
                for kind in ("bbox", "kps"):
                    nn.init.constant_(answer[kind].bias, 0.5)

        def forward(self, x):
            pool = nn.functional.max_pool2d
            x = torch.relu(self.stem_norm(self.stem(x / 128)))
            x = self.s4(pool(self.s2(x), 2))
            c8 = self.s8(pool(x, 2))
            c16 = self.s16(pool(c8, 2))
            c32 = self.s32(pool(c16, 2))
            up = lambda v: nn.functional.interpolate(v, scale_factor=2, mode="nearest")
            p32 = self.sides[2](c32)
            p16 = self.sides[1](c16 + up(p32))
            p8 = self.sides[0](c8 + up(p16))
            maps = [head(p) for head, p in zip(self.heads, (p8, p16, p32))]
            return [{k: conv(m) for k, conv in answer.items()} for answer, m in zip(self.answers, maps)]

    return Student()


def targets(faces, size):
    """For each stride: what each cell should say: 1, 0 or -1 (neither), and the face it belongs to."""
    marks = []
    for stride, (low, high) in zip(STRIDES, SIZES):
        n = size // stride
        mark, owner, nearest = np.zeros((n, n), np.int8), np.full((n, n), -1, np.int32), np.full((n, n), 1e9, np.float32)
        centres = (np.arange(n) + 0.5) * stride
        for which, face in enumerate(faces):
            cx, cy, side = face[1] + face[3] / 2, face[2] + face[4] / 2, np.sqrt(face[3] * face[4])
            dx, dy = (centres - cx) / face[3], (centres - cy) / face[4]
            apart = np.hypot(dx[None, :], dy[:, None])
            sure = face[0] >= SURE and side >= SMALLEST and low <= side < high
            inner = max(0.2, 0.6 * stride / side)
            around = apart < max(0.4, 0.9 * stride / side)
            mark[around & (mark == 0)] = -1
            if face[0] < UNSURE or not sure:
                continue
            here = (apart < inner) & (apart < nearest)
            mark[here], owner[here], nearest[here] = 1, which, apart[here]
        marks.append((mark, owner))
    return marks


def loss(outputs, batch, size):
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    marks = [targets(faces, size) for faces in batch]
    total = {"cls": 0.0, "obj": 0.0, "box": 0.0, "points": 0.0}
    positives = 0
    for level, (stride, out) in enumerate(zip(STRIDES, outputs)):
        mark = torch.from_numpy(np.stack([m[level][0] for m in marks]))
        where = (mark == 1).nonzero(as_tuple=True)
        counted = mark >= 0
        wanted = (mark == 1).float()
        logit = out["cls"][:, 0]
        # Easy cells count less, or the many empty ones would decide alone.
        p = torch.sigmoid(logit.detach())
        weight = torch.where(mark == 1, torch.ones_like(p), p.clamp(min=0.02) ** 0.5)
        total["cls"] = total["cls"] + (bce(logit, wanted, reduction="none") * weight)[counted].sum()
        quality = torch.zeros_like(wanted)
        if len(where[0]):
            positives += len(where[0])
            rows = [batch[b][marks[b][level][1][y, x]] for b, y, x in zip(*(w.tolist() for w in where))]
            face = torch.from_numpy(np.stack(rows))
            corner = torch.stack([where[2], where[1]], 1).float()
            box = out["bbox"].permute(0, 2, 3, 1)[where]
            centre, sides = (corner + box[:, :2]) * stride, box[:, 2:].clamp(max=6).exp() * stride
            goal_centre, goal_sides = face[:, 1:3] + face[:, 3:5] / 2, face[:, 3:5]
            low = torch.maximum(centre - sides / 2, goal_centre - goal_sides / 2)
            high = torch.minimum(centre + sides / 2, goal_centre + goal_sides / 2)
            shared = (high - low).clamp(min=0).prod(1)
            union = sides.prod(1) + goal_sides.prod(1) - shared
            hull = torch.maximum(centre + sides / 2, goal_centre + goal_sides / 2) - torch.minimum(
                centre - sides / 2, goal_centre - goal_sides / 2
            )
            iou = shared / union.clamp(min=1e-3)
            hull = hull.prod(1).clamp(min=1e-3)
            scale = goal_sides.prod(1).sqrt()[:, None]
            offset = (centre - goal_centre).abs() / scale + (sides / goal_sides).log().abs()
            total["box"] = total["box"] + (1 - iou + (hull - union) / hull).sum() + 0.5 * offset.sum()
            points = (out["kps"].permute(0, 2, 3, 1)[where].view(-1, 5, 2) + corner[:, None]) * stride
            goal_points = face[:, 5:].view(-1, 5, 2)
            away = (points - goal_points) / scale[:, None]
            total["points"] = total["points"] + 2 * away[~goal_points.isnan()].abs().sum()
            quality[where] = iou.detach().clamp(0, 1)
        total["obj"] = total["obj"] + (bce(out["obj"][:, 0], quality, reduction="none") * weight)[counted].sum()
    n = max(positives, 1)
    parts = {k: v / n for k, v in total.items()}
    return parts["cls"] + parts["obj"] + 2 * parts["box"] + 2 * parts["points"], parts


def train(photos, backgrounds, faces, run, minutes, batch=16, rate=4e-3, seed=1):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    run = pathlib.Path(run)
    run.mkdir(parents=True, exist_ok=True)
    student, average = network(), network()
    student.to(memory_format=torch.channels_last)
    average.load_state_dict(student.state_dict())
    groups = [
        {"params": [p for p in student.parameters() if p.dim() > 1], "weight_decay": 1e-3},
        {"params": [p for p in student.parameters() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=rate)
    spent, step = 0.0, 0
    state = run / "state.pt"
    if state.exists():
        saved = torch.load(state)
        student.load_state_dict(saved["student"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step = saved["spent"], saved["step"]
    scenes = Scenes(photos, backgrounds, faces, [seed, step])
    limit = 60.0 * minutes
    while spent < limit:
        began = time.process_time()
        size = int(scenes.random.choice([192, 256, 320]))
        pictures, answers = zip(*(scenes.draw(size) for _ in range(batch)))
        x = torch.from_numpy(np.stack(pictures))[:, None].float().contiguous(memory_format=torch.channels_last)
        done = min(spent / limit, 1.0)
        fallen = 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * done)))
        now = rate * min(1.0, (step + 1) / 200) * fallen
        for group in optimiser.param_groups:
            group["lr"] = now
        value, parts = loss(student(x), answers, size)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 10.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            keep = min(0.998, step / (step + 20))
            for a, s in zip(average.state_dict().values(), student.state_dict().values()):
                a.copy_(a * keep + s * (1 - keep) if a.is_floating_point() else s)
        spent += time.process_time() - began
        if step % 100 == 0:
            print(f"{step} steps, {spent / 60:.1f} min, rate {now:.5f}, loss {value.item():.3f}, "
                  + ", ".join(f"{k} {float(v.detach()):.3f}" for k, v in parts.items()), flush=True)
        if step % 500 == 0 or spent >= limit:
            part = run / "state.part"
            torch.save({"student": student.state_dict(), "average": average.state_dict(),
                        "optimiser": optimiser.state_dict(), "spent": spent, "step": step}, part)
            part.replace(state)


# ------------------------------------------------------------------------------------------------------------ the file
def export(run, out):
    """Writes the average's weights."""
    import torch

    student = network()
    student.load_state_dict(torch.load(pathlib.Path(run) / "state.pt")["average"])
    student.eval()
    graph = Drawing()
    x = graph.stem(student.stem, student.stem_norm)
    x = graph.pairs(graph.pool(graph.pairs(x, student.s2)), student.s4)
    c8 = graph.pairs(graph.pool(x), student.s8)
    c16 = graph.pairs(graph.pool(c8), student.s16)
    c32 = graph.pairs(graph.pool(c16), student.s32)
    p32 = graph.pair(c32, student.sides[2])
    p16 = graph.pair(graph.add_up(c16, p32), student.sides[1])
    p8 = graph.pair(graph.add_up(c8, p16), student.sides[0])
    for stride, p, head, answer in zip(STRIDES, (p8, p16, p32), student.heads, student.answers):
        m = graph.pair(p, head)
        for kind, layer in answer.items():
            graph.output(f"{kind}_{stride}", graph.conv(m, layer), layer.out_channels, kind in ("cls", "obj"))
    graph.save(out, "face detector", sum(p.numel() for p in student.parameters()))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, places in (("surround", "ferplus backgrounds folder"), ("teach", "photos backgrounds teacher faces"), ("train", "photos backgrounds faces run"),
                         ("export", "run out"), ("judge", "photos backgrounds faces teacher student"),
                         ("lay", "photos backgrounds faces folder"), ("count", "folder results")):
        command = commands.add_parser(name)
        for place in places.split():
            command.add_argument(place)
        if name == "train":
            command.add_argument("--minutes", type=float, default=90, help="processor time")
        if name == "surround":
            command.add_argument("--every", type=int, default=3, help="one face of so many")
        if name == "teach":
            command.add_argument("--surrounded", help="the folder that `surround` made")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.command == "surround":
        surround(given.ferplus, given.backgrounds, given.folder, given.every)
    elif given.command == "teach":
        surrounded = pathlib.Path(given.surrounded).name if given.surrounded else None
        teach(f"{given.photos},{given.backgrounds}", given.teacher, given.faces, surrounded)
    elif given.command == "train":
        train(given.photos, given.backgrounds, given.faces, given.run, given.minutes)
    elif given.command == "export":
        export(given.run, given.out)
    elif given.command == "lay":
        lay(given.photos, given.backgrounds, given.faces, given.folder)
    elif given.command == "count":
        count(given.folder, given.results)
    else:
        judge(given.photos, given.backgrounds, given.faces, given.teacher, Detector(given.student))


if __name__ == "__main__":
    main()
