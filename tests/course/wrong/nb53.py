"""Right answers to the exercises of notebook 53; typical wrong ones, and a phrase of the hint that each must get."""

import numpy as np


def _alive(at_risk=lambda time, m: np.sum(time >= m), counts=lambda m, t: m <= t, only=lambda event: slice(None)):
    def answer(time, event, t):
        time, event = time[only(event)], event[only(event)]
        share = 1.0
        for m in np.unique(time[event]):
            if counts(m, t):
                share *= 1 - np.sum((time == m) & event) / max(at_risk(time, m), 1)
        return share

    return answer


def _sorted_alive(time, event, t):
    order = np.lexsort((~event, time))  # deaths before censorings at the same moment
    time, event = time[order], event[order]
    left = len(time) - np.arange(len(time))
    return np.prod(np.where(event & (time <= t), 1 - 1 / left, 1.0))


def _partial(sign=1, of=lambda event: len(event), risk=lambda time, i: time >= time[i], terms=lambda event: event):
    def answer(eta, time, event):
        total = 0.0
        for i in np.flatnonzero(terms(event)):
            total += np.log(max(np.exp(eta[risk(time, i)]).sum(), 1e-9)) - eta[i]
        return sign * total / of(event)

    return answer


def _matrix(eta, time, event):
    at_risk = time[None] >= time[:, None]
    return np.mean(event * (np.log(at_risk @ np.exp(eta)) - eta))


def _without_the_censored(eta, time, event):
    return _matrix(eta[event], time[event], event[event]) * event.mean()


def _pairs(tie=0.5, first=lambda event: event, turn=False, only=lambda event: slice(None)):
    def answer(risk, time, event):
        risk, time, event = (part[only(event)] for part in (risk, time, event))
        right = pairs = 0.0
        for i in np.flatnonzero(first(event)):
            for j in np.flatnonzero(time > time[i]):
                pairs += 1
                right += tie if risk[i] == risk[j] else (risk[i] > risk[j]) != turn
        return right / pairs

    return answer


RIGHT = {
    "53.1": [_alive(), _sorted_alive],
    "53.2": [_partial(), _matrix],
    "53.3": [_pairs()],
}

WRONG = {
    "53.1": [
        (_alive(counts=lambda m, t: m < t), "a death at t itself counts"),
        (_alive(at_risk=lambda time, m: np.sum(time > m)), "still at risk there"),
        (_alive(at_risk=lambda time, m: len(time)), "shrinks with time"),
        (lambda time, event, t: 1 - np.mean(event & (time <= t)), "deaths among all"),
        (lambda time, event, t: 1 - _alive()(time, event, t), "share alive is asked"),
        (_alive(only=lambda event: event), "leaves out who was censored"),
    ],
    "53.2": [
        (_partial(sign=-1), "the sign"),
        (_partial(of=lambda event: 1), "divide by the number of all patients"),
        (_partial(of=lambda event: event.sum()), "not of the deaths"),
        (_partial(risk=lambda time, i: time <= time[i]), "as long or *longer*"),
        (_partial(risk=lambda time, i: time > time[i]), "is at risk at t_i, too"),
        (_partial(terms=np.ones_like), "only deaths add a term"),
        (_without_the_censored, "leave them in the sum"),
    ],
    "53.3": [
        (_pairs(turn=True), "upside down"),
        (_pairs(tie=0.0), "count one half"),
        (_pairs(tie=1.0), "not one"),
        (_pairs(first=np.ones_like), "the *earlier* time is a death"),
        (_pairs(only=lambda event: event), "only the earlier must be a death"),
    ],
}
