"""Statistics of numbers; needs numpy (Debian: python3-numpy)."""
import numpy


def describe(values: list) -> dict:
    """Count, mean, standard deviation and quartiles. What numpy returns becomes plain JSON."""
    array = numpy.asarray(values, dtype=float)
    low, median, high = numpy.percentile(array, [25, 50, 75])
    return {"count": array.size, "mean": array.mean(), "deviation": array.std(),
            "quartiles": [low, median, high]}


def fit_line(x: list, y: list) -> dict:
    """The line through points by least squares."""
    slope, offset = numpy.polyfit(numpy.asarray(x, float), numpy.asarray(y, float), 1)
    return {"slope": slope, "offset": offset}


def multiply(a: list, b: list):
    """The product of two matrices."""
    return numpy.asarray(a) @ numpy.asarray(b)
