"""McSharry's equations against their closed form, and the strips of `load("ecg")` against what they were made from."""

import numpy as np
import pytest

from medlib.data import ecg, load
from medlib.data.ecg import CLASSES, RATE, WAVES, drawn, ecgsyn, tachogram


@pytest.fixture(scope="module")
def clean():
    return load("ecg", noise=0, patients=80)


def power_in(rr, mean, low, high):
    """Power of the intervals between two frequencies, Hz."""
    frequency = np.fft.rfftfreq(len(rr), mean)
    power = abs(np.fft.rfft(rr - rr.mean())) ** 2
    return power[(frequency >= low) & (frequency < high)].sum()


@pytest.mark.parametrize(("mean", "sd", "lf_hf"), [(0.8, 0.04, 0.5), (1.1, 0.1, 1.0), (0.6, 0.02, 2.0)])
def test_intervals_have_the_mean_the_deviation_and_the_two_peaks(mean, sd, lf_hf):
    rr = tachogram(1024, mean, sd, lf_hf, np.random.default_rng(1))
    assert rr.mean() == pytest.approx(mean, rel=1e-12) and rr.std() == pytest.approx(sd, rel=1e-12)
    slow, fast = power_in(rr, mean, 0.04, 0.15), power_in(rr, mean, 0.15, 0.4)
    assert slow / fast == pytest.approx(lf_hf, rel=0.02)
    assert slow + fast > 0.99 * power_in(rr, mean, 0, 9)


def test_intervals_may_not_vary_at_all():
    assert np.array_equal(tachogram(9, 0.7, 0, 1, np.random.default_rng(0)), np.full(9, 0.7))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"n": 3}, "n: got 3, expected a whole number of beats"),
        ({"mean": 0}, "mean, sd, lf_hf: got 0, 0.04, 1, expected seconds"),
        ({"sd": 0.3}, "0 <= sd < mean / 4"),
        ({"lf_hf": -1}, "lf_hf >= 0"),
    ],
)
def test_impossible_intervals_are_refused(bad, message):
    given = {"n": 20, "mean": 0.8, "sd": 0.04, "lf_hf": 1} | bad
    with pytest.raises(ValueError, match=message):
        tachogram(**given, rng=np.random.default_rng(0))


@pytest.mark.parametrize("rr", [0.7, 1.1])
def test_the_equations_agree_with_their_closed_form(rr):
    """The leak is a low pass of one second: z + ∫z dt is the sum of Gaussians, up to a constant."""
    times, z, peaks = ecgsyn(np.full(8, rr), rate=500)
    omega = 2 * np.pi / rr
    angle, a, b = WAVES
    centres = (peaks[:, None] + angle / omega).ravel()
    waves = [np.tile(part, len(peaks)) for part in (a * b**2 / omega, b / omega)]
    closed = drawn(np.zeros(len(centres), int), centres, *waves, 1, len(times), 500)[0]
    whole = z + np.append(0, np.cumsum((z[1:] + z[:-1]) / 2)) / 500
    middle = (times > rr) & (times < 7 * rr)
    off = (whole - closed)[middle]
    assert np.ptp(off) < 0.001 * np.ptp(closed)


def test_r_peaks_are_where_they_were_put():
    rr = tachogram(24, 0.8, 0.06, 1.0, np.random.default_rng(3))
    times, z, peaks = ecgsyn(rr)
    assert peaks[0] == 0 and np.allclose(np.diff(peaks), rr)
    for peak in peaks[1:-1]:
        near = abs(times - peak) < 0.1
        assert abs(times[near][z[near].argmax()] - peak) < 1.5 / 256


@pytest.mark.parametrize(("rr", "rate"), [([], 256), ([0.8, -1], 256), ([[0.8]], 256), ([0.8], 0)])
def test_impossible_rhythms_are_refused(rr, rate):
    with pytest.raises(ValueError, match=r"(rr|rate): got .* expected .* for example"):
        ecgsyn(rr, rate)


def test_waves_are_added_where_they_belong():
    signal = drawn([0, 1, 1], [0.5, 0.5, 0.9], [2, -1, 3], [0.02, 0.05, 0.01], 2, 100)
    t = np.arange(100) / RATE
    first = 2 * np.exp(-((t - 0.5) ** 2) / (2 * 0.02**2))
    second = 3 * np.exp(-((t - 0.9) ** 2) / (2 * 0.01**2)) - np.exp(-((t - 0.5) ** 2) / (2 * 0.05**2))
    assert np.allclose(signal, [first, second], atol=1e-4)


# ---------------------------------------------------------------------------------------------------------- the strips


def test_a_data_set_with_patients_truth_and_card(clean):
    assert clean.x.shape == (160, 1000) and clean.x.dtype == np.float32
    assert clean.classes == CLASSES and np.array_equal(np.bincount(clean.y), [40] * 4)
    assert len(np.unique(clean.groups)) == 80 and np.array_equal(clean.frame["patient"], clean.groups)
    assert np.array_equal(clean.masks.sum(axis=1), clean.frame["beats"])
    assert "Simulated" in clean.card.limits and clean.frame["rhythm"].tolist() == [CLASSES[k] for k in clean.y]
    train, val, test = clean.split()
    assert not set(train.groups) & set(test.groups) and not set(train.groups) & set(val.groups)


def test_load_repeats_itself_and_the_seed_changes_the_noise_alone(clean):
    first, again, other = (load("ecg", patients=8, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.x, again.x) and not np.array_equal(first.x, other.x)
    assert np.array_equal(first.masks, other.masks) and np.array_equal(first.masks, clean.masks[:16])
    noise = first.x - clean.x[:16]
    assert np.allclose(load("ecg", noise=2, patients=8).x - clean.x[:16], 2 * noise, atol=1e-5)


def test_the_r_peak_is_the_highest_point_nearby(clean):
    for signal, peaks in zip(clean.x, clean.masks, strict=True):
        for peak in np.flatnonzero(peaks[10:-10]) + 10:
            assert abs(signal[peak - 10 : peak + 11].argmax() - 10) <= 1


def test_intervals_are_those_of_the_rhythm(clean):
    table = clean.frame
    irregular = table["rr_sd_ms"] * table["heart_rate"] / 60_000
    assert irregular[clean.y == 1].mean() > 0.12
    calm = (clean.y == 0) & ~table["early"]
    assert irregular[calm].max() < 0.13
    assert np.allclose(table["heart_rate"][calm], table["pp_rate"][calm], rtol=0.12)
    dropped = clean.y == 3
    share = table["heart_rate"][dropped] / table["pp_rate"][dropped]
    assert 0.6 < share.min() and share.max() < 0.95


def p_wave(signal, peak):
    """Height of the wave before an R peak, mV: the top of 0.22 to 0.08 s before it over what lies on both sides."""
    before = signal[peak - 22 : peak - 8]
    return before.max() - max(before[0], before[-1])


def test_fibrillation_has_no_p_wave_and_sinus_rhythm_has(clean):
    found = {0: [], 1: []}
    for row in np.flatnonzero(clean.y < 2):
        peaks = [p for p in np.flatnonzero(clean.masks[row]) if p > 30]
        usual = np.mean([clean.x[row][p - 22 : p - 8] for p in peaks], axis=0)
        found[clean.y[row]].append((usual.max() - max(usual[0], usual[-1])) / clean.frame["p_mv"][row])
    assert np.mean(found[0]) > 0.8 and np.mean(found[1]) < 0.35


def test_extra_beats_are_early_wide_and_followed_by_a_pause():
    rng = np.random.default_rng(0)
    patient = ecg._patient(2, rng)
    seen = 0
    for _ in range(20):
        rhythm = ecg._rhythm(patient, rng)
        rr = np.diff(rhythm["r"])
        for k in np.flatnonzero(rhythm["wide"]):
            assert rr[k - 1] < 0.9 * patient.rr < 1.1 * patient.rr < rr[k]
            assert rr[k - 1] + rr[k] == pytest.approx(2 * patient.rr, rel=0.25)
            assert abs(rhythm["p"] + patient.pr - rhythm["r"][k]).min() > 0.1  # no P wave of its own
            seen += 1
    assert 20 <= seen <= 60


def test_in_a_block_pr_grows_and_then_a_beat_is_dropped():
    rng = np.random.default_rng(1)
    patient = ecg._patient(3, rng)
    for _ in range(10):
        rhythm = ecg._rhythm(patient, rng)
        pr = [r - rhythm["p"][rhythm["p"] < r].max() for r in rhythm["r"]]
        dropped = [
            np.sum((rhythm["p"] > a) & (rhythm["p"] < b)) for a, b in zip(rhythm["r"], rhythm["r"][1:], strict=False)
        ]
        assert set(dropped) == {1, 2}
        for k, beats in enumerate(dropped):
            if beats == 1:
                assert pr[k + 1] > pr[k] + 0.005
            else:
                assert pr[k + 1] == pytest.approx(patient.pr) and pr[k] > patient.pr + 0.03


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"noise": -1}, "noise: got -1, expected a number from 0 to 100"),
        ({"noise": "much"}, "noise: got 'much'"),
        ({"patients": 6}, "patients: got 6, expected a multiple of 4 from 8 on"),
        ({"patients": 30}, "patients: got 30, expected a multiple of 4"),
        ({"seed": -1}, "seed: got -1, expected a whole number from 0 on"),
        ({"size": 3}, "expected noise or patients or seed"),
    ],
)
def test_impossible_options_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        load("ecg", **bad)
