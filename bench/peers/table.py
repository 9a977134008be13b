"""Turns measurements (JSON lines) into a Markdown table: over all rounds the best time, the median of medians and the
highest peak, and each time relative to affekt's where it was measured."""

import json
import statistics
import sys


def main() -> None:
    cases: dict[tuple, dict[str, list[dict]]] = {}
    with open(sys.argv[1]) as file:
        for line in map(json.loads, file):
            case = tuple(line[key] for key in ("model", "size", "batch", "mode"))
            cases.setdefault(case, {}).setdefault(line["peer"], []).append(line)
    print("| work | program | best ms | median ms | ms an image | GFLOP/s | peak MiB | time relative to affekt |")
    print("|---|---|---|---|---|---|---|---|")
    for (model, size, batch, mode), peers in cases.items():
        def best(name):
            return min(line["ms_min"] for line in peers[name])

        for name, lines in peers.items():
            fastest = min(lines, key=lambda line: line["ms_min"])
            median = statistics.median(line["ms_median"] for line in lines)
            peak = max(line["peak_mib"] for line in lines)
            ratio = f"{best(name) / best('affekt'):.2f}" if "affekt" in peers else ""
            layout = fastest.get("layout")
            program = f"{name} ({layout})" if layout else name
            numbers = [best(name), median, fastest["ms_per_image"], fastest.get("gflops", float("nan")), peak]
            cells = [f"{model} {size} px batch {batch} {mode}", program, *(f"{n:.1f}" for n in numbers), ratio]
            print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
