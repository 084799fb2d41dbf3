"""A text that is to change in place, which no text does."""


def cleaned(name):
    name.replace("-", "_")  # bug
    return name


print(cleaned("a-b"))

# Symptom: a-b.
# $ calls --function cleaned
# > cleaned(name='a-b') → 'a-b'
# $ history name
# > 'a-b'
# $ source cleaned
