"""A sum over a tree of partial sums whose index goes down by one, and not by its lowest bit."""


def add(tree, index, amount):
    while index < len(tree):
        tree[index] += amount
        index += index & -index


def total(tree, index):
    found = 0
    while index > 0:
        found += tree[index]
        index -= 1  # bug
    return found


tree = [0] * 9
for place in range(1, 9):
    add(tree, place, 1)
print(total(tree, 4))

# Symptom: 8 instead of 4.
# $ watch found
# > 4
# $ watch index --function total
# > 4 → 3
# $ why index --function total
