"""A mean whose rest is thrown away."""


def mean(values):
    return sum(values) // len(values)  # bug


def grade(points):
    average = mean(points)
    return "passed" if average >= 1.5 else "failed"


print(grade([1, 2, 2]))

# Symptom: 5 / 3 points, and failed.
# $ calls
# > mean(values=[1, 2, 2]) → 1
# $ find --function mean --kind return
# > → 1
