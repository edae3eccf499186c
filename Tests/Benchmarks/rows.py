# Part of socketio-server, MIT licence; see LICENSE.
"""Rows of the table that .ci/bench.sh writes, from the JSON of socketio-load.

    rows.py COMPARISON LABEL FIGURE...             of `socketio-load compare --output`
    rows.py REPORT... LABEL FIGURE...              of runs of one server alone
    rows.py --generator REPORT READER-TEXT LABEL   of the generator beside the C program that only reads

FIGURE is a name with goals for the ratio (`cpu:0.35:0.27`: must, aim) or for our own figure (`memory=4:3`); rates are to be
at least as great, all others at most. With BENCH_GOALS in the environment goals are shown, and whether they are met.
"""

import json
import os
import re
import statistics
import sys

NAMES = {
    "cpu": "CPU for each, µs",
    "rate": "rate, 1/s",
    "p50": "p50, µs",
    "p99": "p99, µs",
    "memory": "RSS per connection, KiB",
}


def number(value):
    """Four significant digits, thousands separated, as socketio-load has it."""
    if value is None:
        return "–"
    size = abs(value)
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 3}f}"


def measured(report, figure):
    """A figure of one run, None where it has none."""
    part = report["parts"][0]
    if figure == "cpu":
        each = [server["cpuPerDelivery"] for server in report["servers"] if server.get("cpuPerDelivery") is not None]
        return sum(each) if each else None
    if figure == "rate":
        return part["rate"]
    if figure == "memory":
        bytes_each = report.get("residentPerConnection")
        return None if bytes_each is None else bytes_each / 1024
    return (part.get("latency") or {}).get(figure)


def goal(text, figure, own, ratio, is_own):
    """The text of a goal, and what has become of it."""
    sign = "≥" if figure == "rate" else "≤"
    value = own if is_own else ratio
    shown = f"{sign} {text} {'KiB' if is_own else '×'}"
    if value is None:
        return shown
    is_met = value >= float(text) if figure == "rate" else value <= float(text)
    return f"{shown}, {'met' if is_met else 'missed'}"


def row(label, figure, ours, theirs):
    name, is_own, goals = re.fullmatch(r"(\w+)(?:([:=])(.*))?", figure).groups()
    ours = [value for value in ours(name) if value is not None]
    theirs = [value for value in theirs(name) if value is not None]
    own = statistics.median(ours) if ours else None
    other = statistics.median(theirs) if theirs else None
    ratio = own / other if own is not None and other else None
    pairs = [a / b for a, b in zip(ours, theirs) if b]
    spread = f" ({min(pairs):.2f} – {max(pairs):.2f})" if len(pairs) > 1 else ""
    cells = [label, NAMES[name], number(own), number(other), "–" if ratio is None else f"{ratio:.2f}{spread}"]
    if os.environ.get("BENCH_GOALS"):
        must, _, aim = (goals or "").partition(":")
        cells += [goal(text, name, own, ratio, is_own == "=") if text else "" for text in (must, aim)]
    return "| " + " | ".join(cells) + " |"


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def generator(report, reader, label):
    figures = load(report)["generator"]
    with open(reader, encoding="utf-8") as file:
        found = re.search(r"reads (\d+)\tCPU ([\d.]+) us each", file.read())
    cells = [label, number(figures.get("cpuPerDelivery")), number(figures.get("userPerDelivery"))]
    cells += [number(float(found[2])), f"{int(found[1]):,}"] if found else ["–", "–"]
    print("| " + " | ".join(cells) + " |")


def main(words):
    if words[0] == "--generator":
        return generator(*words[1:])
    files = [word for word in words if word.endswith(".json")]
    label, *figures = words[len(files):]
    reports = [load(file) for file in files]
    if "firstRuns" in reports[0]:
        first, second = reports[0]["firstRuns"], reports[0]["secondRuns"]
    else:
        first, second = reports, []
    for figure in figures:
        print(
            row(
                label, figure, lambda name: [measured(run, name) for run in first],
                lambda name: [measured(run, name) for run in second]))


main(sys.argv[1:])
