"""A counter that is begun once instead of for each row."""


def lengths(rows):
    count = 0  # bug
    found = []
    for row in rows:
        for _ in row:
            count += 1
        found.append(count)
    return found


print(lengths(["ab", "c"]))

# Symptom: [2, 3] instead of [2, 1].
# $ watch found
# > 3
# $ why count --function lengths
