"""Two variables that are exchanged one after the other."""


def larger_first(low, high):
    if low < high:
        low = high
        high = low  # bug
    return low, high


print(larger_first(1, 2))

# Symptom: (2, 2).
# $ calls --function larger_first
# > → (2, 2)
# $ watch low
# > low: 1 → 2
# $ find --function larger_first --kind line --when "low == high"
