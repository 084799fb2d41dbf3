"""A value of 0 that is taken for none."""


def limit(given, default):
    return given or default  # bug


print(limit(0, 50))

# Symptom: a limit of 0 becomes 50.
# $ calls --function limit
# > limit(given=0, default=50) → 50
# $ find --function limit --kind return --when "given == 0"
