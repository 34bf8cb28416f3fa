# SPDX-License-Identifier: MIT
"""From the samples of all rounds to figures: values, and ratios of what was measured in a round."""
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Figure:
    """The median of what the rounds gave, and how far they lie apart."""
    median: float
    lowest: float
    highest: float
    count: int

    def spread(self):
        """Half of the way from the lowest to the highest, as a part of the median."""
        return (self.highest - self.lowest) / 2 / self.median if self.median else 0.0


def figure_of(values):
    """None if there are none."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return Figure(median(values), min(values), max(values), len(values))


def is_sound(sample):
    """Whether calls were answered, and all of them rightly."""
    return bool(sample) and "error" not in sample and sample["calls"] > 0 \
        and sample["failures"] == 0


def value_of(sample, metric):
    """The metric is a path, as in latency_us.p99. None: it was not measured."""
    if not is_sound(sample):
        return None
    for part in metric.split("."):
        if not isinstance(sample, dict) or part not in sample:
            return None
        sample = sample[part]
    return sample


def sample_of(samples, case, peer):
    return samples.get(case, {}).get(peer)


def values(rounds, case, peer, metric):
    return [value_of(sample_of(samples, case, peer), metric) for samples in rounds]


def best_of(samples, case, peers, metric, starves=True):
    """Who has most of it in this round, and how much that is; (None, None): nobody has any."""
    best = (None, None)
    for peer in peers:
        sample = sample_of(samples, case, peer)
        value = value_of(sample, metric)
        if value is None or (not starves and sample["starved"]):
            continue
        if best[1] is None or value > best[1]:
            best = (peer, value)
    return best


def ratios(rounds, case, ours, against, metric="rate", starves=True):
    """Ours to the best of the others, round by round."""
    found = []
    for samples in rounds:
        own = value_of(sample_of(samples, case, ours), metric)
        other = best_of(samples, case, against, metric, starves)[1]
        found.append(own / other if own is not None and other else None)
    return found


def usual_best(rounds, case, against, metric="rate", starves=True):
    """Who was the best of them in most rounds; None: nobody."""
    names = [best_of(samples, case, against, metric, starves)[0] for samples in rounds]
    names = [name for name in names if name]
    return max(sorted(set(names)), key=names.count) if names else None


def troubles(rounds, case, peer):
    """What went wrong with it, in words; "" if nothing did."""
    samples = [sample_of(samples, case, peer) for samples in rounds]
    samples = [sample for sample in samples if sample is not None]
    errors = [sample["error"] for sample in samples if "error" in sample]
    if errors:
        return "failed: %s" % errors[0]
    failures = sum(sample["failures"] for sample in samples)
    if failures:
        first = next(sample.get("failure", "") for sample in samples if sample["failures"])
        return "%d failures: %s" % (failures, first[:80].strip())
    starved = max((sample["starved"] for sample in samples), default=0)
    return "%d starved" % starved if starved else ""
