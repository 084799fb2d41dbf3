"""A default that is made once, and kept from call to call."""


def tagged(name, tags=[]):  # bug
    tags.append(name)
    return tags


first = tagged("red")
second = tagged("blue")
print(second)

# Symptom: the second one has the first one's tag.
# $ calls --function tagged
# > tagged(name='blue', tags=['red']) → ['red', 'blue']
# $ find --function tagged --when "len(tags) > 0"
# > tags = ['red']
