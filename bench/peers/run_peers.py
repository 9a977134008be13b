"""Times what other runtimes need for the work that `affekt bench` times, one JSON line a measurement.

    python run_peers.py                        every case of the table, each in a process of its own
    python run_peers.py --peer torch --model resnet50 --size 224 --batch 8 --mode step

Keys are those of `affekt bench --json`: ms_min, ms_median, ms_per_image, gflops, peak_mib, beside what was run; and
processor_ms_min, the least processor time of all threads together, for machines that others use too.
PyTorch is measured in both memory layouts and the faster one is reported. gflops counts two operations a
multiply-add of convolutions and linear layers, and a backward pass as two forward passes.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

THREADS = 2
CASES = [
    ("onnxruntime", "resnet50", 224, 1, "infer"),
    ("onnxruntime", "resnet50", 224, 8, "infer"),
    ("torch", "resnet50", 224, 1, "infer"),
    ("torch", "resnet50", 224, 8, "infer"),
    ("torch", "resnet18", 64, 32, "step"),
    ("torch", "resnet50", 224, 8, "step"),
]
# Multiply-adds of one forward pass, by (model, size).
MULTIPLY_ADDS = {("resnet50", 224): 4.089e9, ("resnet18", 224): 1.814e9, ("resnet18", 64): 0.1481e9}
# Forward passes of one item's worth of work: a step is the teacher on three views and the student on two.
FORWARD_EQUIVALENTS = {"infer": 1, "train": 3, "step": 3 * 3 + 2 * 3}


def onnxruntime_work(args):
    """A callable that runs one forward pass in onnxruntime."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = args.threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(args.file, options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).standard_normal((args.batch, 3, args.size, args.size)).astype(np.float32)
    return lambda: session.run(None, {"x": x})


def torch_work(args):
    """A callable that does one forward pass, one training step, or one teacher/student step in PyTorch."""
    import torch
    import torchvision

    torch.set_num_threads(args.threads)
    torch.set_num_interop_threads(1)
    torch.manual_seed(0)
    layout = torch.channels_last if args.layout == "channels_last" else torch.contiguous_format
    classes = 1000 if args.mode == "infer" else 8

    def network():
        net = getattr(torchvision.models, args.model)(weights=None, num_classes=classes)
        return net.to(memory_format=layout).train(args.mode != "infer")

    def images():
        return torch.randn(args.batch, 3, args.size, args.size).contiguous(memory_format=layout)

    if args.mode == "infer":
        net, x = network().eval(), images()

        def infer():
            with torch.inference_mode():
                return net(x)

        return infer

    def sgd(net, rate):
        decayed = [p for p in net.parameters() if p.dim() > 1]
        free = [p for p in net.parameters() if p.dim() == 1]
        groups = [{"params": decayed, "weight_decay": 5e-4}, {"params": free, "weight_decay": 0.0}]
        return torch.optim.SGD(groups, lr=rate, momentum=0.9)

    loss = torch.nn.functional.cross_entropy
    y = torch.arange(args.batch) % classes
    if args.mode == "train":
        net, x = network(), images()
        rule = sgd(net, 1e-2)

        def train():
            rule.zero_grad()
            loss(net(x), y).backward()
            rule.step()

        return train

    teacher, student = network(), network()
    teacher_rule, student_rule, rate = sgd(teacher, 1e-2), sgd(student, 1e-3), 1e-3
    labelled, weak, strong = images(), images(), images()
    everything = torch.cat([labelled, weak, strong]).contiguous(memory_format=layout)

    def step():
        on_labelled, on_weak, on_strong = teacher(everything).split(args.batch)
        pseudo = on_weak.detach().argmax(1)
        # Student on pseudo-labels; its gradient is kept, then applied.
        student_rule.zero_grad(set_to_none=True)
        loss(student(weak), pseudo).backward()
        old = [p.grad for p in student.parameters()]
        student_rule.step()
        # The moved student on the labelled batch: feedback is the exact dot product.
        student_rule.zero_grad(set_to_none=True)
        loss(student(labelled), y).backward()
        with torch.no_grad():
            dots = [torch.dot(a.flatten(), p.grad.flatten()) for a, p in zip(old, student.parameters())]
            feedback = rate * torch.stack(dots).sum()
        del old
        # Teacher: supervised, consistency towards its own weak view, and feedback.
        teacher_rule.zero_grad(set_to_none=True)
        target = on_weak.detach().softmax(1)
        total = loss(on_labelled, y) + loss(on_strong, target) + feedback * loss(on_weak, pseudo)
        total.backward()
        teacher_rule.step()
        return float(total.detach())

    return step


def measure(args) -> dict:
    """Warms up twice, then repeats for at least `seconds` and three repetitions."""
    work = onnxruntime_work(args) if args.peer == "onnxruntime" else torch_work(args)
    for _ in range(2):
        work()
    times, busy, end = [], [], time.perf_counter() + args.seconds
    while len(times) < 3 or time.perf_counter() < end:
        start, busy_before = time.perf_counter(), time.process_time()
        work()
        times.append(1e3 * (time.perf_counter() - start))
        busy.append(1e3 * (time.process_time() - busy_before))
    best = min(times)
    line = {key: getattr(args, key) for key in ("peer", "model", "size", "batch", "mode", "threads")}
    if args.peer == "torch":
        line["layout"] = args.layout
    line["repetitions"] = len(times)
    line["ms_min"] = round(best, 3)
    line["processor_ms_min"] = round(min(busy), 3)
    line["ms_median"] = round(statistics.median(times), 3)
    line["ms_per_image"] = round(line["ms_median"] / args.batch, 3)
    macs = MULTIPLY_ADDS.get((args.model, args.size))
    if macs is not None:
        operations = 2 * macs * FORWARD_EQUIVALENTS[args.mode] * args.batch
        line["gflops"] = round(operations / (best * 1e6), 1)
    line["peak_mib"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return line


def in_own_process(args, peer, model, size, batch, mode) -> dict:
    """The faster of the peer's layouts, each measured in a fresh process."""
    if peer == "onnxruntime":
        # The file is made by another process, so that its making does not count in the peer's memory.
        with tempfile.TemporaryDirectory() as folder:
            file = str(Path(folder) / "model.onnx")
            maker = [sys.executable, str(Path(__file__).with_name("onnx_resnet.py"))]
            subprocess.run([*maker, model, str(size), str(batch), file], check=True)
            return fastest(args, peer, model, size, batch, mode, [["--file", file]])
    layouts = [["--layout", layout] for layout in ("channels_last", "contiguous")]
    return fastest(args, peer, model, size, batch, mode, layouts)


def fastest(args, peer, model, size, batch, mode, variants) -> dict:
    """Measures each variant of the command line in a fresh process."""
    lines = []
    for variant in variants:
        command = [sys.executable, __file__, "--inside", "--peer", peer, "--model", model, "--mode", mode]
        command += ["--size", str(size), "--batch", str(batch), *variant]
        command += ["--threads", str(args.threads), "--seconds", str(args.seconds)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        lines.append(json.loads(done.stdout.splitlines()[-1]))
    return min(lines, key=lambda line: line["ms_min"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=["onnxruntime", "torch"], help="only this peer, on one case")
    parser.add_argument("--model", default="resnet50", choices=["resnet18", "resnet34", "resnet50"])
    parser.add_argument("--size", type=int, default=224, help="input side in pixels")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--mode", default="infer", choices=["infer", "train", "step"])
    parser.add_argument("--layout", default="contiguous", choices=["contiguous", "channels_last"])
    parser.add_argument("--threads", type=int, default=THREADS)
    parser.add_argument("--seconds", type=float, default=5.0, help="time to measure for, after warming up")
    parser.add_argument("--file", help=argparse.SUPPRESS)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print(json.dumps(measure(args)))
        return
    if args.peer == "onnxruntime" and args.mode != "infer":
        parser.error("onnxruntime is measured in inference only")
    cases = [(args.peer, args.model, args.size, args.batch, args.mode)] if args.peer else CASES
    for case in cases:
        print(json.dumps(in_own_process(args, *case)), flush=True)


if __name__ == "__main__":
    main()
