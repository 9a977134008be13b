"""The rule by which both sides make the same tensors without exchanging files.

A tensor is a function of its name, shape and kind: a counter-based generator (splitmix64 keyed by FNV-1a of the
name) gives 24 random bits an element, so every value is exact in float32 and equal, bit for bit, to what
`tests/src/golden.rs` makes.
"""

import math

import numpy as np

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)


def fnv1a(name: str) -> int:
    """64-bit FNV-1a of the name's UTF-8 bytes."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def bits(name: str, count: int) -> np.ndarray:
    """splitmix64's first `count` outputs, started at the name's hash."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a(name)) + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN_GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def unit(name: str, count: int) -> np.ndarray:
    """float32 values in [-1, 1), multiples of 2^-23."""
    whole = (bits(name, count) >> np.uint64(40)).astype(np.float32)
    return whole * np.float32(2.0**-23) - np.float32(1.0)


def tensor(name: str, shape, kind: str) -> np.ndarray:
    """A float32 tensor. `kind` is weight, scale, branch, shift, mean, variance or input."""
    count = math.prod(shape)
    u = unit(name, count)
    if kind == "weight":
        # He's bound for a uniform distribution, so that activations keep their size through the net.
        values = u * np.float32(math.sqrt(6.0 / math.prod(shape[1:])))
    elif kind in ("scale", "variance"):
        values = np.float32(1.0) + np.float32(0.5) * u
    elif kind == "branch":
        values = np.float32(0.25) + np.float32(0.125) * u
    elif kind in ("shift", "mean"):
        values = np.float32(0.1) * u
    elif kind == "input":
        values = np.float32(2.0) * u
    else:
        raise ValueError(f"unknown kind {kind}")
    return values.reshape(shape)


def signs(name: str, count: int) -> np.ndarray:
    """+1 or -1 an element, from the highest bit."""
    return 1.0 - 2.0 * (bits(name, count) >> np.uint64(63)).astype(np.float64)


PROJECTIONS = 8
HEAD = 4


def summary(name: str, values: np.ndarray) -> np.ndarray:
    """What is kept of a large tensor: its norm, PROJECTIONS dot products with sign vectors, its first HEAD values.

    For a difference d, the mean square of its dot products with random sign vectors is |d|^2 in expectation, so
    two tensors can be compared norm-wise by their summaries alone. Float64; 0 stands where there is no value.
    """
    flat = values.reshape(-1).astype(np.float64)
    dots = [float(flat @ signs(f"projection{k}.{name}", flat.size)) for k in range(PROJECTIONS)]
    head = np.zeros(HEAD)
    head[: min(HEAD, flat.size)] = flat[:HEAD]
    return np.array([float(np.linalg.norm(flat)), *dots, *head])


def summaries(named) -> np.ndarray:
    """One summary a row, in the order given."""
    return np.stack([summary(name, values) for name, values in named])


def kind_of(name: str, shape) -> str:
    """Kind of a torchvision ResNet's parameter or buffer.

    The last batch-norm of a bottleneck scales its branch down: with 16 branches of full size the net is chaotic, and
    one rectifier that float32 rounds to the other side moves early gradients by percents.
    """
    if name.endswith("bn3.weight"):
        return "branch"
    if name.endswith("running_mean"):
        return "mean"
    if name.endswith("running_var"):
        return "variance"
    if name.endswith(".bias"):
        return "shift"
    return "weight" if len(shape) > 1 else "scale"
