"""An invoice: three times 0.335 and VAT. The customer counts 1.20, the invoice says 1.21."""

from decimal import ROUND_HALF_UP, Decimal

CENT = Decimal("0.01")


class Order:
    def __init__(self, prices):
        self.prices = prices
        self.net = Decimal(0)
        self.total = None

    def close(self, vat):
        for price in self.prices:
            self.net += price.quantize(CENT, ROUND_HALF_UP)
        self.total = (self.net * (1 + vat)).quantize(CENT, ROUND_HALF_UP)


def main():
    order = Order([Decimal("0.335")] * 3)
    order.close(Decimal("0.19"))
    print("total:", order.total)


main()
