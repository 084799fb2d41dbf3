"""A generator that is gone through twice."""


def lengths(words):
    return (len(word) for word in words)  # bug


def spread(words):
    found = lengths(words)
    longest = max(found)
    shortest = min(found, default=0)
    return longest - shortest


print(spread(["a", "bcd"]))

# Symptom: 3 instead of 2.
# $ history shortest
# > 0
# $ calls
# > <generator lengths.<locals>.<genexpr>
# $ find --function "lengths*" --kind yield
# > → 3
