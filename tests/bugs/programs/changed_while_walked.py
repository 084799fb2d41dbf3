"""A list from which is taken while it is walked: the one behind is passed over."""


def without_negative(values):
    for value in values:
        if value < 0:
            values.remove(value)  # bug
    return values


print(without_negative([4, -1, -2, 5]))

# Symptom: -2 is still there.
# $ calls --function without_negative
# > → [4, -2, 5]
# $ find --function without_negative --kind line --when "value == -2"
# > never true
# $ watch values
# > values[1]: -1 → (not there)
