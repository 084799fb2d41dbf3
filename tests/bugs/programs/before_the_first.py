"""An index before the first one, which is the last one."""


def rises(values):
    return [values[i] - values[i - 1] for i in range(len(values))]  # bug


print(rises([10, 13, 14]))

# Symptom: it begins with a fall of 4.
# $ calls --function rises
# > rises(values=[10, 13, 14]) → [-4, 3, 1]
# $ find --when "i == 0"
