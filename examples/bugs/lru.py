"""A cache that keeps what was asked for last. It forgets "home", which is asked for again and again."""

from collections import OrderedDict


class Cache:
    def __init__(self, size):
        self.size = size
        self.pages = OrderedDict()

    def get(self, name):
        if name in self.pages:
            return self.pages[name]
        self.pages[name] = f"<h1>{name}</h1>"
        if len(self.pages) > self.size:
            self.pages.popitem(last=False)
        return self.pages[name]


def main():
    cache = Cache(2)
    for name in ["home", "shop", "home", "cart", "home"]:
        cache.get(name)
    print("kept:", *cache.pages)


main()
