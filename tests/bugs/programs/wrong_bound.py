"""A search by halves that gives up while there is one place left to look at."""


def place_of(values, wanted):
    low, high = 0, len(values) - 1
    while low < high:  # bug
        middle = (low + high) // 2
        if values[middle] == wanted:
            return middle
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    return None


print(place_of([1, 3, 5, 7, 9], 9))

# Symptom: 9 is not found.
# $ calls --function place_of
# > → None
# $ watch low
# > 3 → 4
# $ source place_of
