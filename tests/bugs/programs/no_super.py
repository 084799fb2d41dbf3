"""A subclass that leaves out what its base begins with."""


class Base:
    def __init__(self):
        self.parts = []


class Car(Base):
    def __init__(self, name):  # bug
        self.name = name

    def add(self, part):
        self.parts.append(part)


try:
    Car("beetle").add("wheel")
except AttributeError as problem:
    print(problem)

# Symptom: 'Car' object has no attribute 'parts'.
# $ exceptions
# > AttributeError
# $ find --function Base.__init__
# > was never called
# $ calls --function "*__init__" --self
# > Car.__init__
