"""The inner loop's index in place of the outer one's."""


def transposed(rows):
    made = [[0, 0], [0, 0]]
    for i in range(2):
        for j in range(2):
            made[j][j] = rows[i][j]  # bug
    return made


print(transposed([[1, 2], [3, 4]]))

# Symptom: [[3, 0], [0, 4]].
# $ watch made
# > [1][1]
# $ why made[1][1]
