"""A loop that is left after the first one."""


def all_positive(values):
    for value in values:
        if value <= 0:
            return False
        return True  # bug


print(all_positive([1, -1]))

# Symptom: -1 is held to be positive.
# $ calls --function all_positive
# > all_positive(values=[1, -1]) → True
# $ watch value
# > 1
# $ find --function all_positive --kind return
