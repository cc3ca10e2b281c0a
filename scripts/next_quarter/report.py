"""What was measured, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scripts.next_quarter.customers import Labelled, Window
from scripts.next_quarter.metrics import FOLDS, auc_out_of_fold, count_customers, folds_of
from segmentation import schemas as s

HEADINGS = ("customers", "bought again", "rate")


def measure(labelled: Labelled, window: Window, seed: int) -> dict[str, Any]:
    """Return the result as plain values: the window, the base rate, and each grouping's AUC and groups."""
    bought = labelled.bought
    fold = folds_of(bought, FOLDS, seed)
    groupings = {}
    for name, values in labelled.groups.items():
        known, group = np.unique([str(value) for value in values], return_inverse=True)
        counts = count_customers(fold, group.astype(np.int64), bought)
        auc = auc_out_of_fold(counts, seed=seed)
        by_group = counts.sum(axis=0)
        groupings[name] = {
            "auc": round(auc.value, 4),
            "auc_low": round(auc.low, 4),
            "auc_high": round(auc.high, 4),
            "groups": [
                {
                    "group": value,
                    "name": labelled.names[int(value)] if name == s.SEGMENT_ID else value,
                    "customers": int(others + buyers),
                    "bought_again": int(buyers),
                    "rate": round(float(buyers / (others + buyers)), 4),
                }
                for value, (others, buyers) in zip(known.tolist(), by_group.tolist(), strict=True)
            ],
        }
    return {
        "cut_off": window.cut_off.isoformat(),
        "days": window.days,
        "customers": len(bought),
        "bought_again": int(bought.sum()),
        "rate": round(float(bought.mean()), 4),
        "k": labelled.manifest["choice"]["k"],
        "groupings": groupings,
    }


def table_of(result: Mapping[str, Any], inputs: Sequence[str]) -> str:
    """Return the result as text, the likeliest buyers first."""
    lines = [
        f"{', '.join(inputs)}: customers of the days before {result['cut_off']}, and who of them bought in the next "
        f"{result['days']} days",
        f"{result['customers']:,} customers, of whom {result['bought_again']:,} bought again ({result['rate']:.1%}): "
        "an order of which anything stayed",
    ]
    for name, grouping in result["groupings"].items():
        interval = f"{grouping['auc_low']:.3f} to {grouping['auc_high']:.3f}"
        lines += ["", f"{name}: AUC {grouping['auc']:.3f} (95 %: {interval})"]
        groups = sorted(grouping["groups"], key=lambda group: (-group["rate"], group["name"]))
        width = max(len(group["name"]) for group in groups)
        lines.append("  " + " " * width + "".join(f"{heading:>14}" for heading in HEADINGS))
        lines += [
            f"  {group['name']:<{width}}{group['customers']:>14,}{group['bought_again']:>14,}{group['rate']:>14.1%}"
            for group in groups
        ]
    return "\n".join(lines)
