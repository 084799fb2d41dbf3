"""Tasks of asyncio, of which one fails; texts that want to be markup, or to turn the page around."""

import asyncio
import sys

HOSTILE = "</script><script>alert(1)</script><b onmouseover=alert(2)>\x1b[31m\u202eevil"


class Basket:
    def __init__(self, owner):
        self.owner = owner
        self.items = []

    async def put(self, item, price):
        await asyncio.sleep(0.001)
        self.items.append({"item": item, "price": price, "note": HOSTILE})
        return self.total()

    def total(self):
        return sum(entry["price"] for entry in self.items)


async def shop(owner, prices):
    basket = Basket(owner)
    for number, price in enumerate(prices):
        total = await basket.put(f"thing {number}", price)
        print(owner, "pays", total)
    if total > 9:
        raise ValueError(f"{owner} has no more than 9: {HOSTILE}")
    return total


async def main():
    results = await asyncio.gather(
        shop("ann", [1, 2, 3]), shop("bob", [4, 5, 6]), return_exceptions=True
    )
    print(results[0], type(results[1]).__name__, file=sys.stderr)
    raise results[1]


asyncio.run(main())
