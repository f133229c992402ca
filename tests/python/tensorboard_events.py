"""Reads event files with the tensorboard package of PyPI: python tensorboard_events.py FOLDER

Prints one line per series and tag: number of points, first and last step, last value."""

import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

for run in sorted(p for p in Path(sys.argv[1]).iterdir() if p.is_dir()):
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    for tag in events.Tags()["scalars"]:
        points = events.Scalars(tag)
        print(run.name, tag, len(points), points[0].step, points[-1].step, f"{points[-1].value:.6g}")
