"""Trains the network that looks at what the built-in detector found, `face-landmarks.onnx`, from a better detector's answers.

    python train_landmarks.py mine   PHOTOS BACKGROUNDS FACES.npz face-detector.onnx MINED.npz [--minutes N]
    python train_landmarks.py train  PHOTOS FACES.npz MINED.npz RUN [--minutes N] # goes on where RUN stands
    python train_landmarks.py export RUN face-landmarks.onnx
    python train_landmarks.py judge  PHOTOS BACKGROUNDS FACES.npz TEACHER.onnx face-detector.onnx face-landmarks.onnx

PHOTOS, BACKGROUNDS, FACES.npz and TEACHER are those of `train_detector.py`, whose `teach` writes FACES.npz. A face that its teacher
does not see, in pictures made by `surround`, teaches that it is one, not where its landmarks lie.

The network sees a square around a face's box, reduced to 64 grey pixels a side, and gives for each of 16 x 16 cells and each
landmark how likely the landmark belongs to the cell, and where it would then lie; the landmark is the mean of these places.
For each of 4 x 4 cells it says how much speaks for a face; the mean of it is the logit of a face. It learns from faces turned,
shifted, scaled, reduced, dark, blurred and compressed, from the detector's own boxes in scenes, and from what it takes for a face
where its teacher sees none (`mine`). Every tenth picture is held back for `judge`, which also says how good the detector is without it.

Needs torch, numpy, opencv-python-headless, onnx and onnxruntime.
"""

import argparse
import pathlib
import time

import cv2
import numpy as np

from detection.graph import Drawing
from detection.judging import judge
from detection.scenes import Scenes
from detection.teacher import SURE, Detector, opened, overlap
from train_detector import pair_type

SIDE, STRIDE = 64, 4
CELLS = SIDE // STRIDE
# The square's side by the longer side of the face's box.
AROUND = 1.4
SMALLEST = 16.0
MIRRORED = [1, 0, 2, 4, 3]


# ------------------------------------------------------------------------------------------------------------- the faces
def square(box):
    """The map from a picture to the square around a box (left, top, width, height)."""
    side = AROUND * max(box[2], box[3])
    factor = SIDE / side
    left, top = box[0] + box[2] / 2 - side / 2, box[1] + box[3] / 2 - side / 2
    return np.array([[factor, 0, -left * factor], [0, factor, -top * factor]])


def drawn(picture, affine, border=cv2.BORDER_REPLICATE, side=SIDE):
    """The square's pixels; what is reduced by more than 2 is first reduced by areas. Past the edge the edge goes on."""
    factor = np.sqrt(abs(np.linalg.det(affine[:, :2])))
    # Pixels are squares: the first one's middle lies at one half.
    shift = np.full(2, 0.5)
    if factor < 0.5:
        back = cv2.invertAffineTransform(affine)
        corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
        h, w = picture.shape
        low = np.clip(np.floor(corners.min(0)) - 2, 0, (w - 1, h - 1)).astype(int)
        high = np.clip(np.ceil(corners.max(0)) + 2, low + 1, (w, h)).astype(int)
        part = picture[low[1] : high[1], low[0] : high[0]]
        size = [max(1, round(float(n) * factor)) for n in (part.shape[1], part.shape[0])]
        ratio = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
        moved = affine[:, 2] + affine[:, :2] @ low
        picture = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        affine = np.hstack([affine[:, :2] / ratio, moved[:, None]])
    places = np.hstack([affine[:, :2], (affine[:, 2] + affine[:, :2] @ shift - shift)[:, None]])
    return cv2.warpAffine(picture, places, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)


class Faces(Scenes):
    """Squares around known faces, as a detector that is not exact would cut them, and around what is none."""

    def __init__(self, photos, faces, mined, seed):
        answers = np.load(faces)
        mined = np.load(mined)
        self.seen, self.seen_points, self.false = mined["seen"], mined["points"], mined["false"]
        self.photos = opened(photos, answers, False)
        self.random = np.random.default_rng(seed)
        large = lambda f: f[0] >= SURE and min(f[3:5]) >= SMALLEST
        self.known = [(i, f) for i, (_, found) in enumerate(self.photos) for f in found if large(f)]

    def draw(self):
        """64 x 64 grey pixels, and five points in them."""
        if self.random.random() < 0.4:
            which = self.random.integers(len(self.seen))
            return self.again(self.seen[which], self.seen_points[which])
        return self.fresh()

    def fresh(self):
        """A face of a photo."""
        r = self.random
        which, face = self.known[r.integers(len(self.known))]
        picture, (x, y, w, h), points = self.photos[which][0], face[1:5], face[5:].reshape(5, 2)
        side = AROUND * max(w, h) * np.exp(r.normal(0, 0.1))
        angle = np.radians(r.normal(0, 12) if r.random() < 0.8 else r.uniform(-45, 45))
        mirror = r.random() < 0.5
        stretch = np.exp(r.normal(0, 0.06))
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = SIDE / side * turn @ np.diag([(-1 if mirror else 1) * stretch, 1 / stretch])
        middle = np.array([x + w / 2, y + h / 2]) + r.normal(0, 0.06, 2) * (w, h)
        affine = np.hstack([matrix, (SIDE / 2 - matrix @ middle)[:, None]])
        small = drawn(picture, affine, cv2.BORDER_CONSTANT if r.random() < 0.2 else cv2.BORDER_REPLICATE)
        if r.random() < 0.3:
            # A face of few pixels: what spoils it comes before it is enlarged.
            few = int(r.integers(16, 56))
            reduced = cv2.resize(small, (few, few), interpolation=cv2.INTER_AREA)
            small = cv2.resize(self.worsened(reduced), (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        elif r.random() < 0.6:
            small = self.worsened(small)
        points = points @ matrix.T + affine[:, 2]
        return small, points[MIRRORED] if mirror else points

    def again(self, large, points):
        """What a detector's box held, turned, scaled and moved a little; it was spoiled before."""
        r = self.random
        factor, angle = np.exp(r.normal(0, 0.08)), np.radians(r.normal(0, 8))
        mirror = r.random() < 0.5
        matrix = factor * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = matrix @ np.diag([-1.0 if mirror else 1.0, 1.0])
        middle = WIDER / 2 * (1 + r.normal(0, 0.03, 2))
        affine = np.hstack([matrix, (SIDE / 2 - matrix @ middle)[:, None]])
        small = drawn(large, affine)
        points = points @ matrix.T + affine[:, 2]
        return self.worsened(small) if r.random() < 0.2 else small, points[MIRRORED] if mirror else points

    def draw_false(self):
        """64 x 64 grey pixels without a face."""
        return self.again(self.false[self.random.integers(len(self.false))], np.zeros((5, 2)))[0]


# Side of what is kept around a false face, whose square has the usual side.
WIDER = 90


def mine(photos, backgrounds, faces, network, out, minutes, size=320, seed=3):
    """What the detector takes for a face in scenes, or nearly so: faces with their points, and what is none."""
    scenes, seen, points, false = Scenes(photos, backgrounds, faces, seed), [], [], []
    network, began, looked = Detector(network), time.process_time(), 0
    while time.process_time() - began < 60 * minutes:
        picture, known = scenes.draw(size) if looked % 2 else (scenes.worsened(scenes.empty(size)), [])
        looked += 1
        for face in network(np.repeat(picture[..., None], 3, 2), 0.3):
            # The usual square's pixels, and more around it.
            affine = square(face[1:5])
            affine[:, 2] += (WIDER - SIDE) / 2
            best = max(known, key=lambda k: overlap(k[1:5], face[1:5]), default=None)
            shared = 0.0 if best is None else overlap(best[1:5], face[1:5])
            if shared > 0.5 and best[0] >= SURE:
                seen.append(drawn(picture, affine, side=WIDER))
                points.append(best[5:].reshape(5, 2) @ affine[:, :2].T + affine[:, 2])
            elif shared < 0.1 and min(face[3:5]) >= 8:
                false.append(drawn(picture, affine, side=WIDER))
    np.savez_compressed(out, seen=np.array(seen), points=np.array(points, np.float32), false=np.array(false))
    print(f"{len(seen)} faces and {len(false)} false ones in {looked} pictures")


# ----------------------------------------------------------------------------------------------------------- the network
def network():
    import torch
    from torch import nn

    class Student(nn.Module):
        def __init__(self):
            super().__init__()
            Pair = pair_type()
            self.stem = nn.Conv2d(1, 16, 3, 2, 1, bias=False)
            self.stem_norm = nn.BatchNorm2d(16, momentum=0.03)
            self.s2 = Pair(16, 32)
            self.s4 = nn.Sequential(Pair(32, 48), Pair(48, 48))
            self.s8 = nn.Sequential(Pair(48, 64), Pair(64, 64), Pair(64, 64))
            self.s16 = nn.Sequential(Pair(64, 64), Pair(64, 64), Pair(64, 64))
            self.side8 = Pair(64, 48)
            self.down16 = nn.Conv2d(64, 64, 1)
            self.head = Pair(48, 48)
            self.places = nn.Conv2d(48, 15, 1)
            self.face = nn.Conv2d(64, 1, 1)

        def forward(self, x):
            pool, up = nn.functional.max_pool2d, lambda v: nn.functional.interpolate(v, scale_factor=2, mode="nearest")
            x = torch.relu(self.stem_norm(self.stem(x / 128)))
            c4 = self.s4(pool(self.s2(x), 2))
            c8 = self.s8(pool(c4, 2))
            c16 = self.s16(pool(c8, 2))
            p8 = self.side8(c8 + up(self.down16(c16)))
            return self.places(self.head(c4 + up(p8))), self.face(c16).mean((1, 2, 3))

    return Student()


def landmarks(maps):
    """Five points in pixels of the square, of a batch of maps: 5 likelihoods, then 5 places beside and 5 below the cell's corner."""
    import torch

    n = len(maps)
    weight = torch.softmax(maps[:, :5].reshape(n, 5, -1), 2)
    cells = torch.arange(CELLS, dtype=torch.float32)
    across = (maps[:, 5:10] + cells[None, None, None, :]).reshape(n, 5, -1)
    down = (maps[:, 10:15] + cells[None, None, :, None]).reshape(n, 5, -1)
    return STRIDE * torch.stack([(weight * across).sum(2), (weight * down).sum(2)], 2)


def train(photos, faces, mined, run, minutes, batch=128, rate=4e-3, seed=1):
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    run = pathlib.Path(run)
    run.mkdir(parents=True, exist_ok=True)
    student, average = network(), network()
    student.to(memory_format=torch.channels_last)
    average.load_state_dict(student.state_dict())
    optimiser = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=1e-4)
    spent, step, state = 0.0, 0, run / "state.pt"
    if state.exists():
        saved = torch.load(state)
        student.load_state_dict(saved["student"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step = saved["spent"], saved["step"]
    squares = Faces(photos, faces, mined, [seed, step])
    print(f"{len(squares.known)} faces, {len(squares.seen)} seen by the detector, {len(squares.false)} false", flush=True)
    none = batch // 4
    is_face = torch.tensor([1.0] * batch + [0.0] * none)
    limit, sums = 60.0 * minutes, []
    while spent < limit:
        began = time.process_time()
        pictures, points = zip(*(squares.draw() for _ in range(batch)))
        pictures += tuple(squares.draw_false() for _ in range(none))
        x = torch.from_numpy(np.stack(pictures))[:, None].float().contiguous(memory_format=torch.channels_last)
        goal = torch.from_numpy(np.stack(points)).float()
        fallen = 0.01 + 0.99 * 0.5 * (1 + float(np.cos(np.pi * min(spent / limit, 1.0))))
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 200) * fallen
        maps, face = student(x)
        away = torch.linalg.vector_norm(landmarks(maps[:batch]) - goal.nan_to_num(), dim=2).mean(1)
        # By the distance between the eyes; turned heads' eyes are near each other.
        between = torch.linalg.vector_norm(goal[:, 0] - goal[:, 1], dim=1).clamp(min=8)
        known = ~goal.isnan().any(2).any(1)
        parts = (away[known] / between[known]).mean(), torch.nn.functional.binary_cross_entropy_with_logits(face, is_face)
        value = parts[0] + 0.1 * parts[1]
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        step += 1
        with torch.no_grad():
            keep = min(0.998, step / (step + 20))
            for a, s in zip(average.state_dict().values(), student.state_dict().values()):
                a.copy_(a * keep + s * (1 - keep) if a.is_floating_point() else s)
        spent += time.process_time() - began
        sums.append([part.item() for part in parts])
        if step % 100 == 0:
            away, doubt = np.mean(sums, 0)
            print(f"{step} steps, {spent / 60:.1f} min, {away:.4f} of the distance between the eyes, {doubt:.4f}", flush=True)
            sums = []
        if step % 500 == 0 or spent >= limit:
            part = run / "state.part"
            torch.save({"student": student.state_dict(), "average": average.state_dict(),
                        "optimiser": optimiser.state_dict(), "spent": spent, "step": step}, part)
            part.replace(state)


# -------------------------------------------------------------------------------------------------------------- the file
def export(run, out):
    import torch

    student = network()
    student.load_state_dict(torch.load(pathlib.Path(run) / "state.pt")["average"])
    student.eval()
    graph = Drawing()
    x = graph.stem(student.stem, student.stem_norm)
    c4 = graph.pairs(graph.pool(graph.pair(x, student.s2)), student.s4)
    c8 = graph.pairs(graph.pool(c4), student.s8)
    c16 = graph.pairs(graph.pool(c8), student.s16)
    p8 = graph.pair(graph.add_up(c8, graph.conv(c16, student.down16)), student.side8)
    p4 = graph.pair(graph.add_up(c4, p8), student.head)
    graph.output("places", graph.conv(p4, student.places), 15)
    graph.output("face", graph.conv(c16, student.face), 1)
    graph.save(out, "face landmarks", sum(p.numel() for p in student.parameters()))


# ------------------------------------------------------------------------------------------------------------- the judge
class Placed(Detector):
    """A detector at whose faces the network looks once more."""

    def __init__(self, path, places):
        import onnxruntime

        super().__init__(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self.places = onnxruntime.InferenceSession(str(places), options, providers=["CPUExecutionProvider"])

    def __call__(self, picture, threshold):
        import torch

        found = super().__call__(picture, threshold)
        for face in found:
            affine = square(face[1:5])
            small = drawn(np.ascontiguousarray(picture[..., 0]), affine).astype(np.float32)
            maps, logits = self.places.run(["places", "face"], {"input": np.repeat(small[None, None], 3, 1)})
            points = landmarks(torch.from_numpy(maps).reshape(1, CELLS, CELLS, 15).permute(0, 3, 1, 2))[0].numpy()
            face[5:] = ((points - affine[:, 2]) / affine[0, 0]).ravel()
            face[0] = combined(face[0], logits.mean())
        found = found[np.argsort(-found[:, 0])]
        return found[found[:, 0] >= threshold]


def combined(score, logit):
    """The detector's score and the network's, as one."""
    return np.sqrt(score / (1 + np.exp(-logit)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, places in (("mine", "photos backgrounds faces detector mined"), ("train", "photos faces mined run"), ("export", "run out"),
                         ("judge", "photos backgrounds faces teacher detector landmarks")):
        command = commands.add_parser(name)
        for place in places.split():
            command.add_argument(place)
        if name in ("mine", "train"):
            command.add_argument("--minutes", type=float, default=8 if name == "mine" else 30, help="processor time")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    if given.command == "mine":
        mine(given.photos, given.backgrounds, given.faces, given.detector, given.mined, given.minutes)
    elif given.command == "train":
        train(given.photos, given.faces, given.mined, given.run, given.minutes)
    elif given.command == "export":
        export(given.run, given.out)
    else:
        students = {"without it": Detector(given.detector), "with it": Placed(given.detector, given.landmarks)}
        for name, student in students.items():
            print(name)
            judge(given.photos, given.backgrounds, given.faces, given.teacher, student)


if __name__ == "__main__":
    main()
