"""Two arguments of one type in the wrong order."""


def rectangle(width, height):
    return {"width": width, "height": height}


def page(height, width):
    return rectangle(height, width)  # bug


print(page(height=297, width=210)["width"])

# Symptom: the page is 297 wide.
# $ calls
# > rectangle(width=297, height=210)
# $ why width --function rectangle
# > given as height
