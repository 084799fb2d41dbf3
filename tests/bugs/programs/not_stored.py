"""A default that is looked up, and not put there."""


def grouped(words):
    groups = {}
    for word in words:
        groups.get(word[0], []).append(word)  # bug
    return groups


print(grouped(["ant", "ape"]))

# Symptom: {}.
# $ calls --function grouped
# > → {}
# $ watch groups
# > {}
# $ source grouped
