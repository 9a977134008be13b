"""Trains the built-in face detector, `face-detector.onnx`, from another detector's answers.

    python train_detector.py teach  PHOTOS BACKGROUNDS TEACHER.onnx FACES.npz      # the teacher looks at each, once
    python train_detector.py train  PHOTOS BACKGROUNDS FACES.npz RUN [--minutes N] # goes on where RUN stands
    python train_detector.py export RUN face-detector.onnx
    python train_detector.py judge  PHOTOS BACKGROUNDS FACES.npz TEACHER.onnx STUDENT.onnx
    python train_detector.py lay    PHOTOS BACKGROUNDS FACES.npz FOLDER            # the judge's pictures as files
    python train_detector.py count  FOLDER RESULTS           # what `affekt analyze FOLDER/* --as photos` found in them

PHOTOS is a folder of pictures of people, or several with commas; BACKGROUNDS one of pictures without. TEACHER is a YuNet.
The teacher looks at each photo as it is, enlarged and reduced; the student sees scenes made of these photos: other sizes,
turned, blurred, dark, compressed, cut out and pasted, side by side, and scenes without a face. What the teacher is unsure
of teaches neither way. Every tenth picture is held back for `judge`.

The student sees grey pictures, because its teachers' photos were grey; its first layer carries the weights of luma.

Needs torch, numpy, opencv-python-headless, onnx and onnxruntime.
"""

import argparse
import csv
import pathlib
import time

import cv2
import numpy as np

STRIDES = (8, 16, 32)
# Sizes (square root of the area, in pixels) that each stride's cells answer for; between two, both do.
SIZES = ((0.0, 40.0), (32.0, 100.0), (80.0, 1e9))
SURE, UNSURE = 0.6, 0.25
SMALLEST = 9.0
HELD_BACK = 10


# ---------------------------------------------------------------------------------------------------------- the teacher
class Detector:
    """An ONNX file with YuNet's outputs."""

    def __init__(self, path):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.names = [output.name for output in self.session.get_outputs()]

    def __call__(self, picture, threshold):
        """Rows of score, left, top, width, height and five landmarks, the surest first."""
        h, w = picture.shape[:2]
        padded = np.zeros((-(-h // 32) * 32, -(-w // 32) * 32, 3), np.float32)
        padded[:h, :w] = picture
        values = self.session.run(None, {self.session.get_inputs()[0].name: padded.transpose(2, 0, 1)[None]})
        values = {name: value[0] for name, value in zip(self.names, values)}
        found = []
        for stride in STRIDES:
            score = np.sqrt(values[f"cls_{stride}"] * values[f"obj_{stride}"])[:, 0]
            box, points = values[f"bbox_{stride}"], values[f"kps_{stride}"]
            columns = padded.shape[1] // stride
            for i in np.nonzero(score >= threshold)[0]:
                corner = np.array([i % columns, i // columns], np.float32)
                centre, size = (corner + box[i, :2]) * stride, np.exp(np.minimum(box[i, 2:], 8)) * stride
                landmarks = ((points[i].reshape(5, 2) + corner) * stride).ravel()
                found.append(np.concatenate([[score[i]], centre - size / 2, size, landmarks]))
        return suppress(np.array(found, np.float32).reshape(-1, 15))


def overlap(a, b):
    """Intersection over union of two rows of left, top, width, height."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(w, 0) * max(h, 0)
    return shared / max(a[2] * a[3] + b[2] * b[3] - shared, 1e-6)


def suppress(faces, limit=0.3):
    kept = []
    for face in faces[np.argsort(-faces[:, 0])]:
        if all(overlap(face[1:5], other[1:5]) <= limit for other in kept):
            kept.append(face)
    return np.array(kept, np.float32).reshape(-1, 15)


def teach(folders, teacher, out):
    teacher, answers = Detector(teacher), {}
    for path in picture_files(folders):
        picture = cv2.imread(str(path))
        found = []
        for factor in (1.0, 2.0, 0.5):
            mode = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
            faces = teacher(cv2.resize(picture, None, fx=factor, fy=factor, interpolation=mode), UNSURE)
            faces[:, 1:] /= factor
            found.append(faces)
        answers[key(path)] = suppress(np.concatenate(found))
    np.savez_compressed(out, **answers)
    sure = sum(int((a[:, 0] >= SURE).sum()) for a in answers.values())
    print(f"{len(answers)} photos, {sure} faces, {sum(map(len, answers.values())) - sure} unsure")


def picture_files(folders):
    found = (p for folder in folders.split(",") for p in pathlib.Path(folder).iterdir())
    return sorted(p for p in found if p.suffix.lower() in (".jpg", ".jpeg", ".png"))


def key(path):
    return f"{path.parent.name}/{path.name}"


def opened(folders, answers, held_back):
    """Pictures with the teacher's answers; every tenth is held back."""
    chosen = [p for i, p in enumerate(picture_files(folders)) if (i % HELD_BACK == 0) == held_back]
    return [(cv2.imread(str(p), cv2.IMREAD_GRAYSCALE), answers[key(p)]) for p in chosen]


# ------------------------------------------------------------------------------------------------------------ the scenes
class Scenes:
    """Grey pictures with known faces, drawn from photos."""

    def __init__(self, photos, backgrounds, faces, seed, held_back=False):
        answers = np.load(faces)
        self.photos = opened(photos, answers, held_back)
        self.backgrounds = opened(backgrounds, answers, held_back)
        self.with_faces = [i for i, (_, f) in enumerate(self.photos) if (f[:, 0] >= SURE).any()]
        self.random = np.random.default_rng(seed)

    def placed(self, size, region):
        """A photo turned, scaled and moved so that one of its faces has some size and lies in the region; around it more of
        the photo, one colour, or something else."""
        r = self.random
        photo, faces = self.photos[r.choice(self.with_faces)]
        face = faces[r.choice(np.nonzero(faces[:, 0] >= SURE)[0])]
        left, top, width, height = region
        largest = 0.95 * min(width, height)
        wanted = np.exp(r.uniform(np.log(10), np.log(largest))) if r.random() < 0.6 else r.uniform(0.2, 1) * largest
        factor = wanted / np.sqrt(face[3] * face[4])
        angle = np.radians(r.normal(0, 12) if r.random() < 0.8 else r.uniform(-45, 45))
        mirror = -1.0 if r.random() < 0.5 else 1.0
        stretch = np.exp(r.normal(0, 0.05))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = factor * turn @ np.diag([mirror * stretch, 1 / stretch])
        centre = face[1:3] + face[3:5] / 2
        goal = np.array([left, top]) + r.uniform(0.05, 0.95, 2) * (width, height)
        affine = np.hstack([matrix, (goal - matrix @ centre)[:, None]])
        source, source_map = photo, affine
        if factor < 0.6:
            reduced = max(factor * 1.2, 0.02)
            source = cv2.resize(photo, None, fx=reduced, fy=reduced, interpolation=cv2.INTER_AREA)
            ratio = np.array([source.shape[1] / photo.shape[1], source.shape[0] / photo.shape[0]])
            source_map = np.hstack([affine[:, :2] / ratio, affine[:, 2:]])
        border = cv2.BORDER_REPLICATE if r.random() < 0.3 else cv2.BORDER_CONSTANT
        options = {"flags": cv2.INTER_LINEAR, "borderMode": border}
        drawn = cv2.warpAffine(source, source_map, (size, size), borderValue=int(r.integers(256)), **options)
        clear = []
        if r.random() < 0.75:
            # The photo, or the head alone, on something else. Other faces of the photo are then no longer sure.
            mask = np.zeros(photo.shape, np.uint8)
            if r.random() < 0.5:
                mask[1:-1, 1:-1] = 255
            else:
                axes = face[3:5] * r.uniform(0.62, 1.3, 2)
                cv2.ellipse(mask, tuple(int(v) for v in centre), tuple(int(v) for v in axes), 0, 0, 360, 255, -1)
                clear = [f for f in faces if f is not face and overlap(f[1:5], face[1:5]) < 0.01]
            mask = cv2.warpAffine(mask, affine, (size, size), flags=cv2.INTER_LINEAR).astype(np.float32) / 255
            if r.random() < 0.7:
                mask = cv2.GaussianBlur(mask, (0, 0), float(r.uniform(0.3, 0.05 * wanted + 0.4)))
            behind = self.empty(size)
            drawn = (drawn * mask + behind * (1 - mask)).astype(np.uint8)
        moved = []
        for f in faces:
            points = f[5:].reshape(5, 2) @ affine[:, :2].T + affine[:, 2]
            middle = affine[:, :2] @ (f[1:3] + f[3:5] / 2) + affine[:, 2]
            # An upright box stays the box of the turned face: its sides hardly change within these turns.
            sides = f[3:5] * factor * (stretch, 1 / stretch)
            if mirror < 0:
                points = points[[1, 0, 2, 4, 3]]
            score = min(f[0], SURE - 0.01) if any(f is c for c in clear) else f[0]
            moved.append(np.concatenate([[score], middle - sides / 2, sides, points.ravel()]))
        return drawn, np.array(moved, np.float32).reshape(-1, 15)

    def part(self, pictures):
        """A part of a picture away from whatever the teacher answered, or None where luck failed."""
        r = self.random
        for _ in range(10):
            picture, faces = pictures[r.integers(len(pictures))]
            h, w = picture.shape[:2]
            cw = int(np.exp(r.uniform(np.log(min(30, w)), np.log(w))))
            ch = int(np.clip(cw * np.exp(r.normal(0, 0.2)), min(20, h), h))
            x, y = r.integers(0, w - cw + 1), r.integers(0, h - ch + 1)
            if all(f[1] + f[3] < x or f[1] > x + cw or f[2] + f[4] < y or f[2] > y + ch for f in faces):
                return picture[y : y + ch, x : x + cw]
        return None

    def empty(self, size):
        """Something without a face: a part of a background or of a photo, or drawn."""
        r = self.random
        kind = r.random()
        found = self.part(self.backgrounds) if kind < 0.6 else self.part(self.photos) if kind < 0.8 else None
        if found is not None:
            found = found[:, ::-1] if r.random() < 0.5 else found
            mode = cv2.INTER_AREA if found.shape[1] > size else cv2.INTER_LINEAR
            return cv2.resize(np.ascontiguousarray(found), (size, size), interpolation=mode)
        coarse = r.integers(0, 256, tuple(int(v) for v in r.integers(1, 40, 2))).astype(np.uint8)
        drawn = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC if r.random() < 0.7 else cv2.INTER_NEAREST)
        for _ in range(r.integers(0, 12)):
            grey = int(r.integers(256))
            a, b = (tuple(int(v) for v in r.integers(0, size, 2)) for _ in range(2))
            kind = r.integers(3)
            if kind == 0:
                axes = tuple(int(v) for v in r.integers(3, size // 3, 2))
                cv2.ellipse(drawn, a, axes, float(r.uniform(0, 180)), 0, 360, grey, -1)
            elif kind == 1:
                cv2.line(drawn, a, b, grey, int(r.integers(1, 12)))
            else:
                letters = "".join(chr(int(c)) for c in r.integers(33, 127, 8))
                cv2.putText(drawn, letters, a, int(r.integers(0, 8)), float(r.uniform(0.3, 2)), grey, int(r.integers(1, 4)))
        return drawn

    def worsened(self, picture):
        """What cameras and codecs do."""
        r = self.random
        p = picture.astype(np.float32)
        if r.random() < 0.5:
            p = p * np.exp(r.normal(0, 0.35)) + r.normal(0, 15)
        if r.random() < 0.2:
            p = 255 * (np.clip(p, 0, 255) / 255) ** np.exp(r.normal(0, 0.4))
        if r.random() < 0.15:
            ramp = np.linspace(r.uniform(0.3, 1), r.uniform(0.8, 1.5), p.shape[1], dtype=np.float32)
            p *= ramp[None, :] if r.random() < 0.5 else ramp[:, None]
        if r.random() < 0.3:
            p = cv2.GaussianBlur(p, (0, 0), r.uniform(0.4, 2.2))
        if r.random() < 0.2:
            p += r.normal(0, r.uniform(2, 14), p.shape)
        p = np.clip(p, 0, 255).astype(np.uint8)
        if r.random() < 0.3:
            coded = cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, int(r.integers(12, 80))])[1]
            p = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE)
        return p

    def draw(self, size):
        r = self.random
        kind = r.random()
        if kind < 0.12:
            return self.worsened(self.empty(size)), np.zeros((0, 15), np.float32)
        if kind < 0.6:
            picture, faces = self.placed(size, (0, 0, size, size))
        else:
            x, y = (int(v) for v in r.uniform(0.3, 0.7, 2) * size)
            picture, parts = np.zeros((size, size), np.uint8), []
            for l, t, w, h in ((0, 0, x, y), (x, 0, size - x, y), (0, y, x, size - y), (x, y, size - x, size - y)):
                if r.random() < 0.15:
                    picture[t : t + h, l : l + w] = cv2.resize(self.empty(size), (w, h))
                    continue
                drawn, moved = self.placed(size, (l, t, w, h))
                picture[t : t + h, l : l + w] = drawn[t : t + h, l : l + w]
                parts.append(cut(moved, (l, t, w, h)))
            faces = np.concatenate(parts) if parts else np.zeros((0, 15), np.float32)
        return self.worsened(picture), cut(faces, (0, 0, size, size))


def cut(faces, region):
    """The faces as far as they lie in the region; what is cut by its edge becomes unsure."""
    left, top, width, height = region
    kept = []
    for face in faces:
        x, y = max(face[1], left), max(face[2], top)
        w, h = min(face[1] + face[3], left + width) - x, min(face[2] + face[4], top + height) - y
        if w <= 1 or h <= 1:
            continue
        part = w * h / (face[3] * face[4])
        face = face.copy()
        if part < 0.75:
            face[0] = min(face[0], SURE - 0.01) if part > 0.2 else 0.0
        if face[0] > 0 or w * h > 16:
            kept.append(face)
    return np.array(kept, np.float32).reshape(-1, 15)


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
            away = (points - face[:, 5:].view(-1, 5, 2)) / scale[:, None]
            total["points"] = total["points"] + 2 * away.abs().sum()
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
class Drawing:
    """An ONNX graph of the operations that the engine's detector kernels run."""

    def __init__(self):
        self.nodes, self.weights, self.outputs, self.drawn = [], [], [], 0

    def fresh(self):
        self.drawn += 1
        return f"v{self.drawn}"

    def tensor(self, value):
        from onnx import numpy_helper

        name = self.fresh()
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind, inputs, name=None, **attributes):
        from onnx import helper

        name = name or self.fresh()
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def conv(self, x, layer, norm=None, relu=False):
        import torch

        weight = layer.weight.detach().double()
        bias = layer.bias.detach().double() if layer.bias is not None else torch.zeros(weight.shape[0]).double()
        if norm is not None:
            gain = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
            weight = weight * gain[:, None, None, None]
            bias = (bias - norm.running_mean.double()) * gain + norm.bias.detach().double()
        k, p, s = layer.kernel_size[0], layer.padding[0], layer.stride[0]
        tensors = [self.tensor(v.numpy().astype(np.float32)) for v in (weight, bias)]
        y = self.node("Conv", [x, *tensors], dilations=[1, 1], group=layer.groups, kernel_shape=[k, k], pads=[p] * 4,
                      strides=[s, s])
        return self.node("Relu", [y]) if relu else y

    def stem(self, layer, norm):
        """The first layer: blue, green and red from 0 to 255 in, luma for the student."""
        import torch

        stem = torch.nn.Conv2d(3, layer.out_channels, 3, 2, 1, bias=False)
        luma = torch.tensor([0.114, 0.587, 0.299])[None, :, None, None]
        stem.weight.data = layer.weight.detach() * luma / 128
        return self.conv("input", stem, norm, relu=True)

    def pair(self, x, block):
        return self.conv(self.conv(x, block.point), block.depth, block.norm, relu=True)

    def pairs(self, x, sequence):
        for block in sequence:
            x = self.pair(x, block)
        return x

    def pool(self, x):
        return self.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)

    def add_up(self, whole, half):
        """A map, and one of half its size enlarged."""
        nothing, scales = self.tensor(np.zeros(0, np.float32)), self.tensor(np.array([1, 1, 2, 2], np.float32))
        up = self.node("Resize", [half, nothing, scales], mode="nearest", coordinate_transformation_mode="asymmetric",
                       nearest_mode="floor")
        return self.node("Add", [whole, up])

    def output(self, name, x, channels, sigmoid=False):
        """A map as a list of its cells."""
        from onnx import TensorProto, helper

        rows = self.node("Transpose", [x], perm=[0, 2, 3, 1])
        shape = self.tensor(np.array([1, -1, channels], np.int64))
        if sigmoid:
            self.node("Sigmoid", [self.node("Reshape", [rows, shape])], name)
        else:
            self.node("Reshape", [rows, shape], name)
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, channels]))

    def save(self, out, name, parameters):
        import onnx
        from onnx import TensorProto, helper

        picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
        graph = helper.make_graph(self.nodes, name, [picture], self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], producer_name="affekt")
        model.ir_version = 6
        onnx.checker.check_model(model)
        onnx.save(model, str(out))
        print(f"{out}: {pathlib.Path(out).stat().st_size} bytes, {parameters} parameters")


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


# ------------------------------------------------------------------------------------------------------------ the judge
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, places in (("teach", "photos backgrounds teacher faces"), ("train", "photos backgrounds faces run"),
                         ("export", "run out"), ("judge", "photos backgrounds faces teacher student"),
                         ("lay", "photos backgrounds faces folder"), ("count", "folder results")):
        command = commands.add_parser(name)
        for place in places.split():
            command.add_argument(place)
        if name == "train":
            command.add_argument("--minutes", type=float, default=90, help="processor time")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.command == "teach":
        teach(f"{given.photos},{given.backgrounds}", given.teacher, given.faces)
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
