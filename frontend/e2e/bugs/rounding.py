"""An order's total differs from its invoice: each line was rounded, and not their sum."""

from decimal import Decimal

CENT = Decimal("0.01")


def total_of(prices):
    total = Decimal(0)
    for price in prices:
        gross = price * Decimal("1.19")
        total += gross.quantize(CENT)
    return total


total = total_of([Decimal("0.11"), Decimal("0.11"), Decimal("0.11"), Decimal("0.11")])
print("invoice 0.52, total", total)
