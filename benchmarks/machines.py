"""An object-oriented program in the manner of the Richards benchmark: workers that pass parcels on."""

from __future__ import annotations


class Parcel:
    def __init__(self, number: int, kind: int) -> None:
        self.number = number
        self.kind = kind
        self.stamps = 0


class Worker:
    """Has a queue of parcels, linked through `Cell`s."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first: Cell | None = None
        self.last: Cell | None = None
        self.done = 0

    def receive(self, parcel: Parcel) -> None:
        cell = Cell(parcel)
        if self.last is None:
            self.first = cell
        else:
            self.last.following = cell
        self.last = cell

    def take(self) -> Parcel | None:
        cell = self.first
        if cell is None:
            return None
        self.first = cell.following
        if self.first is None:
            self.last = None
        return cell.parcel

    def step(self, factory: Factory) -> bool:
        parcel = self.take()
        if parcel is None:
            return False
        self.handle(parcel)
        if parcel.stamps < factory.stamps_needed(parcel):
            factory.after(self).receive(parcel)
        else:
            factory.deliver(parcel)
        self.done += 1
        return True

    def handle(self, parcel: Parcel) -> None:
        parcel.stamps += 1


class Checker(Worker):
    def handle(self, parcel: Parcel) -> None:
        super().handle(parcel)
        if parcel.kind == 2:
            parcel.kind = 1


class Cell:
    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.following: Cell | None = None


class Factory:
    def __init__(self, workers: int) -> None:
        self.workers = [Checker(i) if i % 2 else Worker(i) for i in range(workers)]
        self.delivered = 0

    def stamps_needed(self, parcel: Parcel) -> int:
        return 2 + parcel.kind

    def after(self, worker: Worker) -> Worker:
        return self.workers[(worker.number + 1) % len(self.workers)]

    def deliver(self, parcel: Parcel) -> None:
        self.delivered += 1

    def work(self, parcels: int) -> int:
        for number in range(parcels):
            self.workers[number % len(self.workers)].receive(Parcel(number, number % 3))
            for worker in self.workers:
                worker.step(self)
        while any(worker.step(self) for worker in self.workers):
            pass
        return self.delivered
