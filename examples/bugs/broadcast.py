"""Measurements less the mean of each sensor. Three sensors measured three times, and nothing fits."""

import numpy


def centered(readings):
    """One row for each sensor."""
    means = readings.mean(axis=1)
    return readings - means


def main():
    readings = numpy.array([[1.0, 1.0, 1.0], [5.0, 5.0, 5.0], [9.0, 9.0, 9.0]])
    result = centered(readings)
    print("largest:", float(abs(result).max()))


main()
