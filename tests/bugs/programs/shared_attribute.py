"""A list that all instances have in common, since the class has it."""


class Basket:
    items = []  # bug

    def put(self, item):
        self.items.append(item)


mine, yours = Basket(), Basket()
mine.put("pear")
yours.put("plum")
print(len(yours.items))

# Symptom: your basket holds two items.
# $ calls --self
# > Basket.put(self=<Basket object>, item='plum')
# $ why items
# > class Basket
