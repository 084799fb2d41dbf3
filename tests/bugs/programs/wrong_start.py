"""A greatest value that begins with one that no value need exceed."""


def warmest(degrees):
    best = 0  # bug
    for one in degrees:
        best = max(best, one)
    return best


print(warmest([-7, -3, -12]))

# Symptom: it was never 0 degrees.
# $ calls --function warmest
# > → 0
# $ why best --function warmest
