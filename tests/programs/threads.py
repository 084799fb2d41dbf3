"""Threads of threading and of _thread: by name, with locals of their own, failing, side by side and in turn."""

import _thread
import threading


def work(n, out):
    total = 0
    for i in range(n):
        total += i
    out.append(total)
    return total


def failing():
    raise ValueError("in a thread")


def quiet(args):
    kind = args.exc_type.__name__
    return kind


class Worker(threading.Thread):
    def __init__(self, n):
        super().__init__(name=f"worker {n}")
        self.n = n
        self.result = None
        self.awaited = threading.Semaphore(0)

    def run(self):
        self.awaited.acquire()
        self.result = [self.n] * 2
        self.result.append(threading.current_thread().name)

    def join(self):
        """Until here its result does not change: who comes first, thread or starter, is no matter of chance."""
        return self.awaited.release() or super().join()


def in_turn():
    out = []
    for n in range(3):
        thread = threading.Thread(target=work, args=(n, out), name=f"turn {n}")
        thread.start()
        thread.join()
    return out


def ping(mine, other, n):
    for _ in range(n):
        mine.acquire()
        other.release()
    return n


def side_by_side():
    first, second = threading.Semaphore(1), threading.Semaphore(0)
    threads = [
        threading.Thread(target=ping, args=(first, second, 4), name="ping"),
        threading.Thread(target=ping, args=(second, first, 4), name="pong"),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def bare():
    out, done = [], _thread.allocate_lock()
    done.acquire()

    def run(n):
        out.append(n)
        done.release()

    _thread.start_new_thread(run, (7,))
    done.acquire()
    return out


def own():
    here = threading.local()
    here.n = 1

    def look():
        return hasattr(here, "n")

    thread = threading.Thread(target=look, name="looker")
    thread.start()
    thread.join()
    return here.n


threading.excepthook = quiet
in_turn()
side_by_side()
bare()
own()
worker = Worker(3)
worker.start()
worker.join()
thread = threading.Thread(target=failing, name="failing")
thread.start()
thread.join()
