"""Numbers that are compared as texts."""


def newest(versions):
    return max(versions)  # bug


print(newest(["9", "10", "8"]))

# Symptom: 9 is called the newest.
# $ calls --function newest
# > newest(versions=['9', '10', '8']) → '9'
# $ find --function newest --kind return
