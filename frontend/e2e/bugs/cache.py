"""A cache drops what was used last: reading does not make an entry the newest."""

from collections import OrderedDict


class Cache:
    def __init__(self, size):
        self.size = size
        self.kept = OrderedDict()

    def get(self, key):
        return self.kept.get(key)

    def put(self, key, value):
        self.kept[key] = value
        if len(self.kept) > self.size:
            self.kept.popitem(last=False)


cache = Cache(2)
cache.put("ann", 1)
cache.put("bob", 2)
cache.get("ann")
cache.put("cid", 3)
print("used last, and gone: ann is", cache.get("ann"))
