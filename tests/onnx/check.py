"""Holds exported ONNX files to the engine's own answers.

    cargo run --release --example onnx_cases -- target/onnx_cases
    python -m venv target/onnx_venv && target/onnx_venv/bin/pip install -r tests/onnx/requirements.txt
    target/onnx_venv/bin/python tests/onnx/check.py target/onnx_cases

Every NAME.onnx of the folder must pass onnx.checker, and give the probabilities of NAME.safetensors to 1e-4 (in half
precision to 5e-3), whatever the batch.
"""

import json
import pathlib
import sys

import numpy
import onnx
import onnxruntime
from safetensors.numpy import load_file


def off(got, wanted, seen):
    """The largest difference where a frame or picture counts; infinite where one is no number."""
    if got.shape != wanted.shape or not numpy.isfinite(got).all():
        return float("inf")
    return float(numpy.abs(got - wanted)[seen].max())


def check(path):
    """Checks one file; gives its largest difference and how many items were compared."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    assert opsets[""] >= 17, opsets
    notes = {entry.key: entry.value for entry in model.metadata_props}
    card = json.loads(notes["affekt.card"])
    assert len(card["classes"]) > 1
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    case = load_file(path.with_suffix(".safetensors"))
    wanted = case["probabilities"]
    seen = case["presence"] > 0.5 if "presence" in case else numpy.ones(len(wanted), bool)
    assert wanted[seen].std(axis=0).max() > 0.02, "all answers are alike, so that nothing is compared"
    worst = 0.0
    for batch in (1, 7):
        for start in range(0, len(wanted), batch):
            part = slice(start, start + batch)
            got = session.run(["probabilities"], {name: case[name][part] for name in names})[0]
            worst = max(worst, off(got, wanted[part], seen[part]))
    return worst, len(wanted)


def main():
    folder = pathlib.Path(sys.argv[1])
    paths = sorted(folder.glob("*.onnx"))
    assert len(paths) > 10, f"only {len(paths)} files in {folder}"
    assert off(numpy.array([[0.5]]), numpy.array([[0.501]]), numpy.array([True])) > 1e-4, "a planted difference"
    failed = False
    for path in paths:
        worst, items = check(path)
        bound = 5e-3 if "f16" in path.stem else 1e-4
        verdict = "ok" if worst < bound else "TOO FAR"
        failed |= worst >= bound
        print(f"{path.stem}: {items} items, largest difference {worst:.1e}, {verdict}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
