"""A program that is killed without a chance to say goodbye. What it did until then is in the trace.

recorder run examples/killed.py
recorder info killed.rtrace
"""

import os
import signal


def work(steps: int) -> int:
    total = 0
    for step in range(steps):
        total += step * step
        if step == 5000:
            os.kill(os.getpid(), signal.SIGKILL)
    return total


if __name__ == "__main__":
    print("working", flush=True)
    print(work(10_000))
