"""Minutes that are added to seconds."""


def length(clips):
    seconds = 0
    for minutes, rest in clips:
        seconds += minutes + rest  # bug
    return seconds


print(length([(2, 30), (1, 5)]))

# Symptom: 38 seconds.
# $ watch seconds
# > 0 → 32
# $ why seconds
