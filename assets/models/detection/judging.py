"""A detector beside its teacher, on pictures that were held back."""

import csv
import pathlib

import cv2
import numpy as np

from .scenes import Scenes
from .teacher import SURE, Detector, overlap


def judge(photos, backgrounds, faces, teacher, student):
    """The student beside its teacher on photos and scenes that were held back."""
    teacher = Detector(teacher)
    colour = lambda grey: np.repeat(grey[..., None], 3, 2)
    for name, pictures in held_back(photos, backgrounds, faces).items():
        pairs = [(p, known, teacher(colour(p), SURE), student(colour(p), 0.05)) for p, known in pictures]
        print(name)
        report("  teacher's answers", [(t, known, s) for _, known, t, s in pairs])
        sure = [(k[(k[:, 0] >= SURE) & (k[:, 3:5].prod(1) > 0)], k) for _, k, _, _ in pairs]
        report("  placed faces     ", [(k, known, s) for (k, known), (_, _, _, s) in zip(sure, pairs)])
        report("  teacher on placed", [(k, known, teacher(colour(p), 0.05)) for (k, known), (p, _, _, _) in zip(sure, pairs)])


def held_back(photos, backgrounds, faces):
    """Pictures that `train` never saw, with the faces that are known in them."""
    scenes = Scenes(photos, backgrounds, faces, 99, held_back=True)
    return {
        "photos": scenes.photos[:400],
        "scenes": [scenes.draw(320) for _ in range(400)],
        "empty": [(scenes.empty(320), np.zeros((0, 15), np.float32)) for _ in range(400)],
    }


def lay(photos, backgrounds, faces, folder):
    folder, known = pathlib.Path(folder), {}
    for name, pictures in held_back(photos, backgrounds, faces).items():
        (folder / name).mkdir(parents=True)
        for i, (picture, found) in enumerate(pictures):
            cv2.imwrite(str(folder / name / f"{name}{i:03}.png"), picture)
            known[f"{name}{i:03}"] = found
    np.savez_compressed(folder / "known.npz", **known)


def count(folder, results):
    """Recall of placed faces from 24 pixels of height on, and false faces, of whatever made the tables."""
    known, tallies = np.load(pathlib.Path(folder) / "known.npz"), {}
    for picture in known.files:
        with open(pathlib.Path(results) / f"{picture}.csv", newline="") as table:
            rows = [r for r in csv.DictReader(table) if r["face"]]
        boxes = [[float(r[c]) for c in "xywh"] for r in rows]
        goal = [f for f in known[picture] if f[0] >= SURE and f[4] >= 24]
        wanted, hits, false = tallies.setdefault(picture.rstrip("0123456789"), [0, 0, 0])
        found = sum(any(overlap(g[1:5], b) > 0.5 for b in boxes) for g in goal)
        wrong = sum(all(overlap(k[1:5], b) < 0.2 for k in known[picture]) for b in boxes)
        tallies[picture.rstrip("0123456789")] = [wanted + len(goal), hits + found, false + wrong]
    for name, (wanted, hits, false) in tallies.items():
        print(f"{name}: {hits} of {wanted} faces ({hits / max(wanted, 1):.4f}), {false} false")


def report(name, rows, smallest=24.0):
    """Recall of faces from `smallest` pixels of height on at one false face in 50 pictures, and landmarks' errors."""
    hits, false, away, wanted = [], [], [], 0
    for goal, known, found in rows:
        goal = goal[goal[:, 4] >= smallest]
        wanted += len(goal)
        taken = set()
        for face in found:
            best = max(range(len(goal)), key=lambda i: overlap(goal[i, 1:5], face[1:5]), default=None)
            if best is not None and best not in taken and overlap(goal[best, 1:5], face[1:5]) > 0.5:
                taken.add(best)
                hits.append(face[0])
                a, b = goal[best, 5:].reshape(5, 2), face[5:].reshape(5, 2)
                away.append(np.linalg.norm(a - b, axis=1).mean() / max(np.linalg.norm(a[0] - a[1]), 0.25 * goal[best, 3]))
            # What the teacher answered anywhere, however unsure, small or cut, is no false face.
            elif all(overlap(k[1:5], face[1:5]) < 0.2 for k in known) and all(overlap(k[1:5], face[1:5]) < 0.2 for k in goal):
                false.append(face[0])
    allowed = len(rows) // 50
    false = sorted(false, reverse=True)
    threshold = false[allowed] if len(false) > allowed else 0.05
    for t in (threshold, 0.5, 0.6):
        recall = sum(h > t for h in hits) / max(wanted, 1)
        print(f"{name}: threshold {t:.3f}: recall {recall:.4f} of {wanted}, false {sum(f > t for f in false)} in {len(rows)}, "
              f"landmarks {np.median(away):.4f}")
