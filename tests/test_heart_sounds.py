"""The recordings of `load("heart_sounds")` against what they were made from."""

import numpy as np
import pytest

from medlib.data import heart_sounds, load
from medlib.data.heart_sounds import CLASSES, RATE, SYMBOLS, envelope, thud


@pytest.fixture(scope="module")
def clean():
    return load("heart_sounds", noise=0, patients=80)


def test_a_data_set_with_patients_truth_and_card(clean):
    assert clean.x.shape == clean.masks.shape == (160, 4000) and clean.x.dtype == np.float32
    assert clean.classes == CLASSES and np.array_equal(np.bincount(clean.y), [40] * 4)
    assert len(np.unique(clean.groups)) == 80 and np.array_equal(clean.frame["patient"], clean.groups)
    assert clean.frame["kind"].tolist() == [CLASSES[k] for k in clean.y]
    assert "Simulated" in clean.card.limits
    train, val, test = clean.split()
    assert not set(train.groups) & set(test.groups) and not set(train.groups) & set(val.groups)


def test_load_repeats_itself_and_the_seed_changes_the_noise_alone(clean):
    first, again, other = (load("heart_sounds", patients=8, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.x, again.x) and not np.array_equal(first.x, other.x)
    assert np.array_equal(first.masks, other.masks) and np.array_equal(first.masks, clean.masks[:16])
    assert first.frame.equals(other.frame)
    noise = first.x - clean.x[:16]
    assert np.allclose(load("heart_sounds", noise=2, patients=8).x - clean.x[:16], 2 * noise, atol=1e-5)


def test_letters_come_in_the_order_of_the_beat(clean):
    cycle = {0: "12", 1: "1s2", 2: "12d", 3: "123"}
    for text, when, kind in zip(clean.frame["heard"], clean.frame["when"], clean.y, strict=True):
        assert set(text) <= set(SYMBOLS) and len(text) == len(when) >= 6
        assert text in 12 * cycle[kind]
        assert (np.diff(when) > 0).all() and when[0] >= 0 and when[-1] < 4


def test_phases_follow_one_another_and_hold_the_letters(clean):
    expected = {"1": 0, "s": 1, "2": 2, "3": 3, "d": 3}
    for phases, text, when in zip(clean.masks, clean.frame["heard"], clean.frame["when"], strict=True):
        runs = phases[np.flatnonzero(np.diff(phases, prepend=-1))]
        assert set(np.diff(runs) % 4) == {1}
        for letter, at in zip(text, when, strict=True):
            assert phases[int(at * RATE)] == expected[letter]


def test_systole_follows_the_rate_as_the_formula_says(clean):
    formula = 0.496 - 0.0021 * clean.frame["heart_rate"]
    assert abs(clean.frame["systole_s"] - formula).max() <= 0.02
    assert (2 * clean.frame["systole_s"] < 60 / clean.frame["heart_rate"] + 0.04).all()


def power(signal, low, high):
    """Mean power between two frequencies, Hz."""
    frequency = np.fft.rfftfreq(len(signal), 1 / RATE)
    return np.sum(abs(np.fft.rfft(signal)) ** 2 * ((frequency > low) & (frequency < high)))


def test_a_murmur_lies_in_its_phase_and_in_its_band(clean):
    from scipy.signal import butter, sosfiltfilt

    for row in np.flatnonzero((clean.y == 1) | (clean.y == 2)):
        pitch = clean.frame["pitch_hz"][row]
        sos = butter(4, [max(pitch - 50, 150), pitch + 60], "bandpass", fs=RATE, output="sos")
        band = sosfiltfilt(sos, clean.x[row].astype(float))
        own, other = (1, 3) if clean.y[row] == 1 else (3, 1)
        loud = [np.mean(band[clean.masks[row] == phase] ** 2) for phase in (own, other)]
        assert loud[0] > 3 * loud[1]
    assert (clean.frame["loudness"][clean.y == 0] == 0).all() and (clean.frame["loudness"][clean.y > 0] > 0.02).all()


def test_a_third_sound_is_low_and_early_in_diastole(clean):
    for row in np.flatnonzero(clean.y == 3)[::4]:
        text, when = clean.frame["heard"][row], clean.frame["when"][row]
        gaps = [
            b - a
            for (a, b), pair in zip(zip(when, when[1:], strict=False), zip(text, text[1:], strict=False), strict=True)
            if pair == ("2", "3")
        ]
        assert gaps and 0.09 < min(gaps) and max(gaps) < 0.19


@pytest.mark.parametrize(("pitch", "decay"), [(40, 0.03), (70, 0.015), (200, 0.01)])
def test_a_thud_has_its_pitch_and_its_decay(pitch, decay):
    sound = thud(pitch, decay)
    spectrum = abs(np.fft.rfft(sound, 1 << 15))
    assert np.fft.rfftfreq(1 << 15, 1 / RATE)[spectrum.argmax()] == pytest.approx(pitch, abs=0.25 / decay)
    period = round(RATE / pitch)
    late = [np.sum(sound[k * period : (k + 1) * period] ** 2) for k in (2, 3)]
    assert late[1] / late[0] == pytest.approx(np.exp(-2 * period / RATE / decay), rel=0.35)


def test_envelopes_rise_fall_or_stay():
    up_and_down, level, falling = (envelope(shape, 400) for shape in ("ejection", "level", "falling"))
    assert abs(up_and_down.argmax() - 200) <= 1 and up_and_down[[0, -1]].max() < 0.01
    assert np.ptp(level[50:350]) == 0 and level[0] < 0.02
    assert falling.argmax() < 40 and falling[-1] < 0.1 < falling[200]
    with pytest.raises(ValueError, match="shape: got \"?'?odd"):
        envelope("odd", 10)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"noise": -1}, "noise: got -1, expected a number from 0 to 100"),
        ({"noise": "much"}, "noise: got 'much'"),
        ({"patients": 6}, "patients: got 6, expected a multiple of 4 from 8 on"),
        ({"seed": -1}, "seed: got -1, expected a whole number from 0 on"),
        ({"size": 3}, "expected noise or patients or seed"),
    ],
)
def test_impossible_options_are_refused(bad, message):
    with pytest.raises(ValueError, match=message):
        load("heart_sounds", **bad)


# ------------------------------------------------------------------------------------------- a recording of one's own


@pytest.mark.parametrize(("rate", "kind"), [(1000, np.int16), (2000, np.int16), (44100, np.float32)])
def test_a_wav_file_is_read_at_our_rate(tmp_path, rate, kind):
    from scipy.io import wavfile

    t = np.arange(int(5.5 * rate)) / rate
    tone = 0.4 * np.sin(2 * np.pi * 50 * t)
    stereo = np.column_stack([tone, np.zeros_like(tone)])
    wavfile.write(tmp_path / "one.wav", rate, (stereo * (30000 if kind is np.int16 else 1)).astype(kind))
    x = heart_sounds.read(tmp_path / "one.wav")
    assert x.shape == (4000,) and x.dtype == np.float32 and abs(x).max() == pytest.approx(1)
    assert np.allclose(x[100:-100], np.sin(2 * np.pi * 50 * np.arange(4000) / 1000)[100:-100], atol=0.05)


def test_files_that_are_no_recording_are_refused(tmp_path):
    from scipy.io import wavfile

    (tmp_path / "text.wav").write_text("no sound", encoding="utf-8")
    (tmp_path / "empty.wav").write_bytes(b"")
    wavfile.write(tmp_path / "short.wav", 2000, np.ones(2000, np.int16))
    wavfile.write(tmp_path / "slow.wav", 500, np.ones(5000, np.int16))
    wavfile.write(tmp_path / "silent.wav", 2000, np.zeros(20000, np.int16))
    for name, words in (
        ("text", "cannot be read"),
        ("empty", "cannot be read"),
        ("short", "1.0 s"),
        ("slow", "500 Hz"),
        ("silent", "silent"),
    ):
        with pytest.raises(ValueError, match=words):
            heart_sounds.read(tmp_path / f"{name}.wav")
