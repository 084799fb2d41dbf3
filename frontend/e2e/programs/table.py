"""A table of pandas, and a mutable default."""

import pandas as pd


def collect(row, rows=[]):
    if row["size"] > 7:
        raise ValueError("too large")
    rows.append(row)
    return rows


def summary(frame):
    means = frame.groupby("kind")["size"].mean()
    for kind, mean in means.items():
        print(kind, mean)
    return means


for number in range(6):
    try:
        rows = collect({"kind": "ab"[number % 2], "size": number * 1.5})
    except ValueError as exc:
        print(number, exc)
frame = pd.DataFrame(rows)
print(summary(frame).sum())
