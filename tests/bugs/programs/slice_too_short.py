"""A slice that ends one too early."""


def last(values, count):
    return values[-count:-1]  # bug


print(last([1, 2, 3, 4], 2))

# Symptom: [3] instead of [3, 4].
# $ calls --function last
# > last(values=[1, 2, 3, 4], count=2) → [3]
# $ find --function last --kind return
