"""Simulated electrocardiograms: McSharry's equations, and ``load("ecg")``, strips of four rhythms by construction.

:func:`ecgsyn` integrates the three equations of McSharry et al. (2003), fed with the beat-to-beat intervals of
:func:`tachogram`. On its limit cycle the model has a closed form, a sum of Gaussians around each R peak
(:func:`drawn`); the strips of ``load("ecg")`` are made of these, with waves placed in seconds before and after R.
A rhythm is what it was built as: a simulated fibrillation is irregular and lacks P waves, and is no patient's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medlib.data.dataset import Card, Dataset, check_amount, check_whole

RATE, SECONDS = 100, 10  # samples a second (Hz), and the length of a strip
CLASSES = ("sinus", "fibrillation", "ectopic", "block")
STRIPS = 2  # a patient

#: Table 1 of McSharry et al. (2003), columns P, Q, R, S, T: angle (radians), height a, width b (radians).
WAVES = np.array([np.radians([-70, -15, 0, 15, 100]), [1.2, -5, 30, -7.5, 0.75], [0.25, 0.1, 0.1, 0.1, 0.4]])

CARD = Card(
    title="Electrocardiograms of four rhythms, simulated",
    what="One lead in mV. y: 0 sinus rhythm, 1 fibrillation (irregular, no P wave), 2 ectopic (ventricular extra "
    "beats), 3 block (second degree, the PR interval grows until a beat is dropped); masks: the sample of each R peak",
    rows="1,600 strips of 10 s at 100 Hz: 800 patients, two strips each",
    source="medlib/data/ecg.py, made at load",
    licence="CC BY 4.0",
    citation="McSharry PE, Clifford GD, Tarassenko L, Smith LA. A dynamical model for generating synthetic "
    "electrocardiogram signals. IEEE Trans Biomed Eng 2003;50:289",
    made="each beat is a sum of Gaussians (the closed form of the model's limit cycle) with the patient's own heights, "
    "widths and delays; sinus intervals have a spectrum with peaks at 0.1 and 0.25 Hz, those of fibrillation are "
    "lognormal and independent. One patient in seven has wide beats throughout, one in three of those in sinus rhythm "
    "has harmless early beats from the atrium. Wander, muscle noise and jerks of the electrode are added; `noise=0` "
    "leaves them out. The frame holds what each strip was made from: heart_rate and pp_rate per minute, rr_sd_ms, "
    "heights in mV, qrs_ms, pr_ms, noise_mv.",
    limits="Simulated: it proves methods, never clinical performance. The label is the construction, in both strips of "
    "a patient. One lead, four rhythms out of dozens, each a quarter of the patients, as in no clinic; no patient has "
    "two of them; noise is stationary but for the jerks.",
)


# ------------------------------------------------------------------------------------------------- McSharry's equations


def tachogram(n: int, mean: float, sd: float, lf_hf: float, rng: np.random.Generator) -> np.ndarray:
    """Beat-to-beat intervals (n,), s, whose spectrum has two peaks: 0.1 Hz (pressure) and 0.25 Hz (breathing).

    Parameters
    ----------
    n
        Beats; at least 8.
    mean, sd
        Mean and standard deviation of the intervals, s: both are met exactly.
    lf_hf
        Power of the slow peak over that of the fast one.

    Raises
    ------
    ValueError
        Too few beats, or a mean, deviation or ratio that is not possible.
    """
    if n < 8 or n != int(n):
        raise ValueError(f"n: got {n!r}, expected a whole number of beats, at least 8")
    if not (mean > 0 and 0 <= sd < mean / 4 and lf_hf >= 0):
        raise ValueError(
            f"mean, sd, lf_hf: got {mean}, {sd}, {lf_hf}, expected seconds with 0 <= sd < mean / 4 and lf_hf >= 0, "
            "for example mean=0.8, sd=0.04, lf_hf=0.5"
        )
    if sd == 0:
        return np.full(n, float(mean))
    frequency = np.fft.rfftfreq(n, mean)
    width = max(0.01, 1 / (n * mean))  # the peaks' own, or what so short a record can hold
    power = sum(
        share * np.exp(-((frequency - centre) ** 2) / (2 * width**2)) for share, centre in ((lf_hf, 0.1), (1, 0.25))
    )
    phase = np.exp(2j * np.pi * rng.random(len(frequency)))
    series = np.fft.irfft(np.sqrt(power) * phase, n)
    return mean + sd * (series - series.mean()) / series.std()


def ecgsyn(rr, rate: float = 256, waves: np.ndarray = WAVES) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three equations of McSharry et al. (2003), integrated by Runge and Kutta's method of fourth order.

    A point runs round the unit circle once a beat, ``x' = αx - ωy, y' = αy + ωx`` with ``α = 1 - √(x² + y²)`` and
    ``ω = 2π / rr``; as it passes each wave's angle it pushes ``z``, the voltage:
    ``z' = -Σ a Δ exp(-Δ² / 2b²) - z``, where Δ is the angle to the wave.

    Parameters
    ----------
    rr
        Intervals from each R peak to the next, s (beats,).
    rate
        Samples a second, Hz.
    waves
        Angles (radians), heights and widths (radians), (3, waves).

    Returns
    -------
    tuple
        Times (n,), s; z (n,), in the model's own unit; the times of the R peaks (beats + 1,), s. An R peak is at 0.

    Raises
    ------
    ValueError
        Intervals that are not positive, or a rate that is not.
    """
    rr, waves = np.asarray(rr, float), np.asarray(waves, float)
    if rr.ndim != 1 or not len(rr) or not (np.isfinite(rr) & (rr > 0)).all():
        raise ValueError("rr: got intervals that are not all positive, expected seconds (beats,), for example [0.8]")
    if not rate > 0:
        raise ValueError(f"rate: got {rate!r}, expected samples a second, for example 256")
    peaks = np.append(0, np.cumsum(rr))
    times = np.arange(int(peaks[-1] * rate) + 1) / rate
    turned = np.interp(times, peaks, 2 * np.pi * np.arange(len(peaks)))  # no step of the method straddles two rates
    angle, a, b = waves
    state = np.array([1.0, 0.0, 0.0])
    path = [state]
    for omega in np.diff(turned) * rate:

        def flow(s, omega=omega):
            delta = np.angle(np.exp(1j * (np.arctan2(s[1], s[0]) - angle)))
            pull = 1 - np.hypot(s[0], s[1])
            push = -np.sum(a * delta * np.exp(-(delta**2) / (2 * b**2)))
            return np.array([pull * s[0] - omega * s[1], pull * s[1] + omega * s[0], push - s[2]])

        k1 = flow(state)
        k2 = flow(state + k1 / (2 * rate))
        k3 = flow(state + k2 / (2 * rate))
        k4 = flow(state + k3 / rate)
        state = state + (k1 + 2 * k2 + 2 * k3 + k4) / (6 * rate)
        path.append(state)
    return times, np.array(path)[:, 2], peaks


def drawn(row, centre, height, width, rows: int, samples: int, rate: float = RATE) -> np.ndarray:
    """Sums of Gaussians: ``height · exp(-(t - centre)² / 2 width²)`` is added to the signal ``row`` for every wave.

    On the limit cycle, and but for the slow leak ``-z``, the model's z is such a sum: a wave at the angle θ has its
    centre at R + θ/ω, the width b/ω and the height a b²/ω.

    Parameters
    ----------
    row, centre, height, width
        One number a wave (n,): the signal, and s, mV, s.

    Returns
    -------
    numpy.ndarray
        Shape (rows, samples).
    """
    row, centre, height, width = np.broadcast_arrays(row, centre, height, width)
    reach = int(np.ceil(4.5 * np.max(width, initial=0) * rate))
    first = np.rint(centre * rate).astype(int)
    at = first[:, None] + np.arange(-reach, reach + 1)
    value = height[:, None] * np.exp(-((at / rate - centre[:, None]) ** 2) / (2 * width[:, None] ** 2))
    inside = (at >= 0) & (at < samples)
    place = (row[:, None] * samples + at)[inside]
    return np.bincount(place, value[inside], rows * samples).reshape(rows, samples)


# --------------------------------------------------------------------------------------------------- rhythms and strips


@dataclass(frozen=True)
class Patient:
    """What the strips of one patient are made from; seconds and mV."""

    kind: int  # index in CLASSES
    rr: float  # mean interval
    rr_sd: float  # its deviation over the mean
    pr: float  # from the P wave to R
    qrs: float  # duration
    p: float  # heights
    q: float
    r: float
    s: float
    st: float
    t: float
    early: bool  # harmless early beats from the atrium
    flutter: float  # height and rate of the f waves
    flutter_hz: float
    noise: float


def _patient(kind: int, rng: np.random.Generator) -> Patient:
    wide = rng.random() < 1 / 7
    return Patient(
        kind=kind,
        rr=rng.uniform(0.55, 0.95) if kind == 1 else rng.uniform(0.62, 1.05),
        rr_sd=rng.uniform(0.1, 0.28) if kind == 1 else np.exp(rng.uniform(np.log(0.015), np.log(0.11))),
        pr=rng.uniform(0.13, 0.19),
        qrs=rng.uniform(0.125, 0.155) if wide else rng.uniform(0.075, 0.105),
        p=rng.uniform(0.06, 0.18),
        q=-rng.uniform(0, 0.15),
        r=rng.uniform(0.6, 1.5),
        s=-rng.uniform(0, 0.4),
        st=0.06 * rng.normal(),
        t=rng.uniform(0.12, 0.4),
        early=bool(kind == 0 and rng.random() < 1 / 3),
        flutter=rng.uniform(0.02, 0.07),
        flutter_hz=rng.uniform(4.5, 8.5),
        noise=0.05 * np.exp(0.6 * rng.normal()),
    )


def _rhythm(patient: Patient, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """When what happens, from 2 s before the strip to 2 s after it: R peaks, whether each is wide, and P waves, s."""
    n = 40
    if patient.kind == 1:
        rr = patient.rr * np.exp(patient.rr_sd * rng.normal(size=n))
        r = -2 + np.cumsum(np.maximum(rr, 0.3))
        return {"r": r, "wide": np.zeros(n, bool), "p": np.zeros(0)}
    rr = tachogram(n, patient.rr, patient.rr * patient.rr_sd, rng.uniform(0.5, 2), rng)
    beat = -2 - rng.random() * patient.rr + np.cumsum(rr)
    p, r, wide = beat - patient.pr, beat.copy(), np.zeros(n, bool)
    inside = np.flatnonzero((beat > 1) & (beat < SECONDS - 1))
    if patient.kind == 2:  # the sinus goes on below: its next beat falls into the extra beat's refractory time
        chosen = rng.choice(inside[1::2], rng.integers(1, 4), replace=False)
        r[chosen] -= rng.uniform(0.15, 0.4) * patient.rr
        wide[chosen] = True
        p = np.delete(p, chosen)
    elif patient.early:  # an early P wave resets the sinus: what follows comes early as well
        for chosen in rng.choice(inside[1::2], rng.integers(1, 3), replace=False):
            shift = rng.uniform(0.15, 0.35) * patient.rr
            r[chosen:] -= shift
            p[chosen:] -= shift
    elif patient.kind == 3:  # PR grows, by ever less, and then a beat is dropped
        cycle = rng.integers(3, 6)
        turn = (np.arange(n) + rng.integers(cycle)) % cycle
        grown = np.cumsum(0.07 * 0.6 ** np.arange(cycle)) - 0.07
        kept = turn < cycle - 1
        r, wide = (r + grown[turn])[kept], wide[kept]
    return {"r": r, "wide": wide, "p": p}


def _waves(patient: Patient, rhythm: dict[str, np.ndarray]) -> list[tuple]:
    """(centre, height, width) of every wave of a strip, s and mV."""
    r, wide, p = rhythm["r"], rhythm["wide"], rhythm["p"]
    rr = np.diff(r, prepend=r[0] - patient.rr)
    qt = 0.27 * np.sqrt(np.clip(rr, 0.4, 1.2))  # from R to the top of T, by Bazett's root
    stretch = np.where(wide, 0.16, patient.qrs) / 0.09
    sign = np.where(wide, -1, 1)  # an extra beat repolarises the other way round
    lag, thin = 0.026 * stretch, 0.0105 * stretch
    return [
        (p, np.full(len(p), patient.p), np.full(len(p), 0.022)),
        (r - lag, np.where(wide, 0, patient.q), thin),
        (r, np.where(wide, 1.2, 1) * patient.r, thin),
        (r + lag, np.where(wide, -0.5 * patient.r, patient.s), thin),
        (r + 0.6 * qt, np.full(len(r), patient.st), np.full(len(r), 0.04)),
        (r + qt, sign * patient.t, np.full(len(r), 0.045)),
    ]


def _noise(patients: list[Patient], rng: np.random.Generator) -> np.ndarray:
    """Wander of the baseline, muscle noise and jerks of the electrode, (strips, samples), mV at ``noise=1``."""
    n, samples = len(patients), RATE * SECONDS
    level = np.array([patient.noise for patient in patients])[:, None]
    t = np.arange(samples) / RATE
    wander = 0
    for low, high in ((0.05, 0.15), (0.15, 0.4)):
        turn = rng.uniform(low, high, (n, 1)) * t + rng.random((n, 1))
        wander = wander + rng.uniform(0, 0.2, (n, 1)) * np.sin(2 * np.pi * turn)
    muscle = rng.normal(size=(n, samples + 1))
    muscle = 0.8 * (muscle[:, 1:] - 0.5 * muscle[:, :-1])
    count = rng.poisson(1.5, n)
    row = np.repeat(np.arange(n), count)
    jerks = drawn(
        row, rng.uniform(0, SECONDS, len(row)), 8 * level[row, 0] * rng.normal(size=len(row)),
        rng.uniform(0.02, 0.12, len(row)), n, samples,
    )  # fmt: skip
    return wander + level * muscle + jerks


def load(noise: float = 1.0, patients: int = 800, seed: int = 0) -> Dataset:
    """Strips of four rhythms, two for each patient.

    Parameters
    ----------
    noise
        How much of the noise is added: 1 as in a ward, 0 none, 3 as on a treadmill.
    patients
        How many; the first ones are the same whatever the number. A multiple of four.
    seed
        Of the noise; the patients are always the same.

    Returns
    -------
    Dataset
        ``x`` float32 (strips, 1000), mV at 100 Hz; ``y`` the rhythm; ``masks`` bool, True at the sample of each R peak;
        ``groups`` the patient; ``frame`` what each strip was made from.

    Raises
    ------
    ValueError
        A noise, number or seed that is not possible.
    """
    import pandas as pd

    check_amount("noise", noise, 100, 'load("ecg", noise=1)')
    check_whole("patients", patients, 8, "patients=8", step=4)
    check_whole("seed", seed, 0, "seed=0")
    samples, people, rhythms = RATE * SECONDS, [], []
    for number in range(patients):
        rng = np.random.default_rng([2003, number])
        patient = _patient(number % 4, rng)
        for _ in range(STRIPS):
            people.append(patient)
            rhythms.append(_rhythm(patient, rng))
    kinds = zip(*map(_waves, people, rhythms), strict=True)  # all P waves, all Q waves ...
    strip, x = np.arange(len(people)), np.zeros((len(people), samples))
    for waves in kinds:
        row = np.repeat(strip, [len(centre) for centre, _, _ in waves])
        x += drawn(row, *map(np.concatenate, zip(*waves, strict=True)), len(people), samples)
    rng = np.random.default_rng([2003, seed, 1])
    t = np.arange(samples) / RATE
    for row, patient in enumerate(people):
        if patient.kind == 1:
            x[row] += _f_waves(patient, t, np.random.default_rng([2003, row, 2]))
    if noise:
        x += noise * _noise(people, rng)
    peaks = np.zeros(x.shape, bool)
    for row, rhythm in enumerate(rhythms):
        peaks[row, np.rint(_inside(rhythm) * RATE).astype(int)] = True
    y = np.array([patient.kind for patient in people])
    groups = np.repeat(np.arange(patients), STRIPS)
    frame = pd.DataFrame([_made_from(*pair, noise) for pair in zip(people, rhythms, strict=True)])
    frame.insert(0, "patient", groups)
    return Dataset("ecg", x.astype(np.float32), y, CLASSES, frame, peaks, groups, CARD)


def _inside(rhythm: dict[str, np.ndarray]) -> np.ndarray:
    """The R peaks whose nearest sample lies in the strip, s."""
    at = np.rint(rhythm["r"] * RATE)
    return rhythm["r"][(at >= 0) & (at < RATE * SECONDS)]


def _f_waves(patient: Patient, t: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The trembling baseline of fibrillation: one frequency that drifts, and its first overtone, mV."""
    drift = 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * t + rng.random()))
    turn = 2 * np.pi * (patient.flutter_hz * t + rng.random()) + 2 * drift
    return patient.flutter * (np.sin(turn) + 0.35 * np.sin(2 * turn + 1)) * (1 + drift)


def _made_from(patient: Patient, rhythm: dict[str, np.ndarray], noise: float) -> dict:
    """One row of the frame."""
    r = _inside(rhythm)
    rr = np.diff(r)
    return {
        "rhythm": CLASSES[patient.kind], "heart_rate": 60 / rr.mean(), "rr_sd_ms": 1000 * rr.std(),
        "pp_rate": np.nan if patient.kind == 1 else 60 / patient.rr, "beats": len(r), "p_mv": patient.p,
        "r_mv": patient.r, "st_mv": patient.st, "t_mv": patient.t, "qrs_ms": 1000 * patient.qrs,
        "pr_ms": 1000 * patient.pr, "early": patient.early, "noise_mv": noise * patient.noise,
    }  # fmt: skip
