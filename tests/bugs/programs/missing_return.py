"""A way through a function that returns nothing."""


def discount(price, member):
    if member:
        if price > 100:
            return price // 10
        price // 20  # bug
    else:
        return 0


def total(prices, member):
    return sum(price - discount(price, member) for price in prices)


try:
    print(total([200, 80], True))
except TypeError as problem:
    print(problem)

# Symptom: unsupported operand type(s) for -: 'int' and 'NoneType'.
# $ calls --function discount
# > discount(price=80, member=True) → None
# $ source discount
# > 1
# $ find --function discount --kind return --when "price == 80"
