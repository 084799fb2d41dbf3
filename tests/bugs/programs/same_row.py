"""A table whose rows are one list."""


def board(size):
    rows = [["."] * size] * size  # bug
    rows[0][0] = "x"
    return rows


print(board(2))

# Symptom: both rows have an x.
# $ watch rows
# > rows[1][0]: '.' → 'x'
# $ history rows --limit 1
# > rows =
