"""All answers are the one list, which is emptied on the way back."""


def subsets(items, chosen, found):
    found.append(chosen)  # bug
    for index, item in enumerate(items):
        chosen.append(item)
        subsets(items[index + 1 :], chosen, found)
        chosen.pop()
    return found


print(subsets([1, 2], [], []))

# Symptom: [[], [], [], []].
# $ why found --function subsets
# > chosen.pop()
# $ watch found --function subsets --limit 3
# > found[0][0]: (not there) → 1
