"""A list that is sorted in place, which returns nothing."""


def ranked(names):
    names = names.sort()  # bug
    return names


print(ranked(["b", "a"]))

# Symptom: None.
# $ calls --function ranked
# > → None
# $ why names --function ranked
