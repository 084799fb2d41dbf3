"""The last of the numbers is never looked at."""


def largest(numbers):
    best = numbers[0]
    for index in range(len(numbers) - 1):  # bug
        if numbers[index] > best:
            best = numbers[index]
    return best


print(largest([3, 8, 5, 9]))

# Symptom: it prints 8 instead of 9.
# $ calls --function largest
# > largest(numbers=[3, 8, 5, 9]) → 8
# $ watch index
# > 2
# $ why index
