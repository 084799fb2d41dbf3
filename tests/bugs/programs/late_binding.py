"""Functions that look at the loop's variable when they are called, and not when they are made."""


def multipliers():
    made = []
    for factor in (1, 2, 3):
        made.append(lambda value: value * factor)  # bug
    return made


print([one(10) for one in multipliers()])

# Symptom: [30, 30, 30] instead of [10, 20, 30].
# $ calls --function "*lambda*"
# > → 30
# $ find --function "*lambda*" --when "factor != 3"
# > never true
# $ find --function "*lambda*" --when "factor == 3" --limit 1
