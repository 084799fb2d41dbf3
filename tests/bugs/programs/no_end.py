"""A recursion that goes past its end."""


def countdown(number):
    if number == 0:  # bug
        return []
    return [number, *countdown(number - 2)]


try:
    print(countdown(5))
except RecursionError:
    print("too deep")

# Symptom: too deep.
# $ exceptions --limit 1
# > RecursionError
# $ check "number >= 0" --function countdown
# > -1
# $ source countdown
