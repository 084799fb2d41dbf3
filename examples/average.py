"""A program with a bug: the second average is wrong. Where does the wrong number come from?

recorder run examples/average.py
recorder print average.rtrace | less
"""

RUNNERS = {"ada": [61.0, 59.5, 60.1], "bob": [72.3, 70.9]}


def clean(times: list[float], seen: list[float] = []) -> list[float]:  # noqa: B006
    """The times without repetitions, in order."""
    for time in times:
        if time not in seen:
            seen.append(time)
    return sorted(seen)


def average(times: list[float]) -> float:
    best = clean(times)
    return sum(best) / len(best)


def main() -> None:
    for name, times in RUNNERS.items():
        print(f"{name}: {average(times):.2f}")


if __name__ == "__main__":
    main()
