"""Scenes made of photos with known faces."""

import cv2
import numpy as np

from .teacher import SURE, opened, overlap


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
