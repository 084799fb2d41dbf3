"""A value that is kept although what it is made of has changed."""


class Invoice:
    def __init__(self):
        self.lines = []
        self.sum = None

    def add(self, price):
        self.lines.append(price)  # bug

    def total(self):
        if self.sum is None:
            self.sum = sum(self.lines)
        return self.sum


invoice = Invoice()
invoice.add(5)
invoice.total()
invoice.add(7)
print(invoice.total())

# Symptom: 5 instead of 12.
# $ calls --function Invoice.total
# > → 5
# $ watch self.sum --function Invoice.total
# > 5
# $ watch self.lines
# > 7
