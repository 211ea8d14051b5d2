"""Simulated heart sounds: ``load("heart_sounds")``, recordings with murmurs and third sounds by construction.

A heart sound is a few damped sinusoids; a murmur is noise in a band, with an envelope that begins and ends with a phase
of the heart. The time between the two sounds follows the heart's rate as Weissler and others (1968) measured it. What
a recording holds is what it was built from: a simulated murmur is no patient's.
"""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medlib.data.dataset import Card, Dataset, check_amount, check_whole

RATE, SECONDS = 1000, 4  # samples a second (Hz), and the length of a recording
CLASSES = ("normal", "systolic murmur", "diastolic murmur", "third sound")
PHASES = ("first sound", "systole", "second sound", "diastole")
RECORDINGS = 2  # a patient

#: What can be heard, one letter each: first, second and third sound, systolic and diastolic murmur.
SYMBOLS = "123sd"

CARD = Card(
    title="Heart sounds, simulated",
    what="What a microphone on the chest would record, in units of the first sound's usual height. y: 0 normal, 1 "
    "systolic murmur, 2 diastolic murmur, 3 third sound; masks: the phase of the heart at each sample (0 first sound, "
    "1 systole, 2 second sound, 3 diastole)",
    rows="1,600 recordings of 4 s at 1,000 Hz: 800 patients, two recordings each",
    source="medlib/data/heart_sounds.py, made at load",
    licence="CC BY 4.0",
    citation="Weissler AM, Harris WS, Schoenfeld CD. Systolic time intervals in heart failure in man. Circulation "
    "1968;37:149 (the time from the first to the second sound)",
    made="the first and the second sound are two damped sinusoids each, with the patient's own pitch, decay, height "
    "and split; a third sound is a low one, 0.12 to 0.17 s after the second. A murmur is band-limited noise, new in "
    "each beat: systolic ones rise and fall (ejection) or stay level (regurgitation), diastolic ones fall. Breathing "
    "(noise that comes and goes), clicks of the hand and background noise are added; `noise=0` leaves them out. The "
    "frame holds what each recording was made from: heart_rate per minute, systole_s, split_ms, loudness (of murmur or "
    "third sound over the first sound), pitch_hz, shape; `heard`, the sounds whose middle lies inside, one letter each "
    "(1, 2, 3, s, d), and `when`, their middles in s.",
    limits="Simulated: it proves methods, never clinical performance. The label is the construction, in both "
    "recordings of a patient; each is a quarter of the patients, as in no clinic, and no patient has two findings. No "
    "stenosis of the mitral valve, no fourth sound, no irregular rhythm, no artificial valve; one place on the chest, "
    "and breathing does not change the heart.",
)


@dataclass(frozen=True)
class Patient:
    """What the recordings of one patient are made from; s, Hz, and heights over that of the first sound."""

    kind: int  # index in CLASSES
    rr: float  # mean interval between beats
    rr_sd: float  # its deviation over the mean
    systole: float  # from the beginning of the first to that of the second sound
    split: float  # between the two parts of the second sound
    pitch1: float
    pitch2: float
    decay1: float
    decay2: float
    second: float  # height of the second sound
    loudness: float  # of the murmur or third sound; 0 in a normal heart
    pitch: float  # of it: the middle of the band
    ejection: bool  # a systolic murmur that rises and falls
    delay3: float  # from the second to the third sound
    breath: float  # height and rate of the breathing noise
    breath_hz: float
    hiss: float


def _patient(kind: int, rng: np.random.Generator) -> Patient:
    rr = rng.uniform(0.55, 1.05)
    murmur = np.exp(rng.uniform(np.log(0.03), np.log(0.3)))
    third = rng.uniform(0.12, 0.45)
    low, high = ((0, 0), (110, 280), (140, 310), (28, 48))[kind]
    return Patient(
        kind=kind,
        rr=rr,
        rr_sd=rng.uniform(0.01, 0.05),
        systole=0.496 - 0.0021 * 60 / rr + rng.uniform(-0.02, 0.02),
        split=rng.uniform(0, 0.05),
        pitch1=rng.uniform(32, 55),
        pitch2=rng.uniform(45, 80),
        decay1=rng.uniform(0.02, 0.035),
        decay2=rng.uniform(0.012, 0.025),
        second=np.exp(rng.uniform(np.log(0.5), np.log(1.5))),
        loudness=(0, murmur, murmur, third)[kind],
        pitch=rng.uniform(low, high),
        ejection=bool(kind == 1 and rng.random() < 0.5),
        delay3=rng.uniform(0.12, 0.17),
        breath=0.03 * np.exp(0.8 * rng.normal()),
        breath_hz=rng.uniform(0.2, 0.35),
        hiss=0.015 * np.exp(0.6 * rng.normal()),
    )


def thud(pitch: float, decay: float, rate: float = RATE) -> np.ndarray:
    """One damped sinusoid (n,) with an onset of 5 ms: ``(1 - e^{-t / 0.005}) · e^{-t / decay} · sin(2π pitch t)``.

    Parameters
    ----------
    pitch, decay
        Hz, and s until the height has fallen to 1/e. It is cut after six decays.
    """
    t = np.arange(int(6 * decay * rate)) / rate
    return (1 - np.exp(-t / 0.005)) * np.exp(-t / decay) * np.sin(2 * np.pi * pitch * t)


def envelope(shape: str, n: int) -> np.ndarray:
    """The height of a murmur over its n samples: "ejection" (up and down), "level" or "falling"; at most 1."""
    u = (np.arange(n) + 0.5) / n
    edge = np.clip(np.minimum(u, 1 - u) / 0.1, 0, 1)
    if shape == "ejection":
        return np.sin(np.pi * u)
    if shape == "level":
        return edge
    if shape == "falling":
        return np.clip(u / 0.05, 0, 1) * np.exp(-2.5 * u)
    raise ValueError(f'shape: got {shape!r}, expected "ejection", "level" or "falling"')


def _band(noise: np.ndarray, low: float, high: float) -> np.ndarray:
    """White noise (n,) between two frequencies, Hz, with a standard deviation near 1: soft edges, 25 Hz wide."""
    frequency = np.fft.rfftfreq(len(noise), 1 / RATE)
    share = 1 / (1 + np.exp(-(frequency - low) / 12)) / (1 + np.exp((frequency - high) / 12))
    return np.fft.irfft(np.fft.rfft(noise) * share, len(noise)) / np.sqrt(np.mean(share**2))


def _add(signal: np.ndarray, piece: np.ndarray, start: float) -> None:
    """Add a piece to the signal, in place, from ``start`` (s) on; what reaches over an end is cut."""
    first = round(start * RATE)
    left, right = max(first, 0), min(first + len(piece), len(signal))
    if left < right:
        signal[left:right] += piece[left - first : right - first]


def _recording(patient: Patient, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, list]:
    """The sounds of the heart (samples,), its phase at each sample, and what can be heard: (s, letter), in order."""
    samples = RATE * SECONDS
    heart, phase, heard = np.zeros(samples), np.full(samples, 3, np.int8), []
    beats = -2 + rng.random() * patient.rr + np.cumsum(patient.rr * (1 + patient.rr_sd * rng.normal(size=16)))
    noise = _band(rng.normal(size=samples), patient.pitch - 60, patient.pitch + 60)
    first, second = thud(patient.pitch1, patient.decay1), thud(patient.pitch2, patient.decay2)
    upper = thud(1.4 * patient.pitch1, patient.decay1)  # the other part of the first sound
    for beat, after in zip(beats, beats[1:], strict=False):
        s2 = beat + patient.systole + 0.005 * rng.normal()
        strong, weak = 1 + 0.1 * rng.normal(size=2)
        _add(heart, strong * first, beat)
        _add(heart, 0.6 * strong * upper, beat + 0.025)
        _add(heart, weak * patient.second * second, s2)
        _add(heart, 0.5 * weak * patient.second * second, s2 + patient.split)
        ends = [beat, beat + 0.1, s2, s2 + 0.08, after]
        for k, (left, right) in enumerate(zip(ends, ends[1:], strict=False)):
            phase[max(round(left * RATE), 0) : max(round(right * RATE), 0)] = k
        heard += [(beat + 0.03, "1"), (s2 + 0.02 + patient.split / 2, "2")]
        if patient.kind == 3:
            at = s2 + patient.delay3
            _add(heart, 2 * patient.loudness * thud(patient.pitch, 0.03), at)
            heard.append((at + 0.02, "3"))
        elif patient.kind:
            left, right = (beat + 0.06, s2) if patient.kind == 1 else (s2 + 0.03, s2 + 0.03 + 0.75 * (after - s2))
            shape = "falling" if patient.kind == 2 else "ejection" if patient.ejection else "level"
            height = patient.loudness * envelope(shape, max(round((right - left) * RATE), 1))
            _add(heart, height * noise[: len(height)], left)
            noise = np.roll(noise, -len(height))
            heard.append(((left + right) / 2, "sd"[patient.kind - 1]))
    return heart, phase, sorted((at, symbol) for at, symbol in heard if 0 <= at < SECONDS)


def _disturbance(patient: Patient, rng: np.random.Generator) -> np.ndarray:
    """Breathing, clicks of the hand and background noise (samples,), at ``noise=1``."""
    from scipy.ndimage import uniform_filter1d

    samples = RATE * SECONDS
    t = np.arange(samples) / RATE
    comes = np.clip(np.sin(2 * np.pi * (patient.breath_hz * t + rng.random())), 0, None) ** 2
    out = patient.breath * comes * _band(rng.normal(size=samples), 120, 400)
    slow = np.cumsum(rng.normal(size=samples))
    slow = slow - uniform_filter1d(slow, 101)  # a rumble, mostly below 10 Hz
    out += patient.hiss * (rng.normal(size=samples) + slow / slow.std())
    for start in rng.uniform(0, SECONDS, rng.poisson(2)):
        _add(out, rng.uniform(0.2, 1.2) * thud(rng.uniform(60, 300), rng.uniform(0.004, 0.015)), start)
    return out


def load(noise: float = 1.0, patients: int = 800, seed: int = 0) -> Dataset:
    """Recordings of four kinds of hearts, two for each patient.

    Parameters
    ----------
    noise
        How much breathing, clicking and hiss is added: 1 as in a quiet room, 0 none, 3 as in a busy ward.
    patients
        How many; the first ones are the same whatever the number. A multiple of four.
    seed
        Of the noise; the patients and their sounds are always the same.

    Returns
    -------
    Dataset
        ``x`` float32 (recordings, 4000) at 1,000 Hz; ``y`` the kind; ``masks`` int8, the phase of the heart at each
        sample, an index in ``PHASES``; ``groups`` the patient; ``frame`` what each recording was made from.

    Raises
    ------
    ValueError
        A noise, number or seed that is not possible.
    """
    import pandas as pd

    check_amount("noise", noise, 100, 'load("heart_sounds", noise=1)')
    check_whole("patients", patients, 8, "patients=8", step=4)
    check_whole("seed", seed, 0, "seed=0")
    x, phases, rows = [], [], []
    for number in range(patients):
        rng = np.random.default_rng([1968, number])
        patient = _patient(number % 4, rng)
        for take in range(RECORDINGS):
            heart, phase, heard = _recording(patient, rng)
            disturbance = _disturbance(patient, np.random.default_rng([1968, number, take, seed])) if noise else 0
            x.append(heart + noise * disturbance)
            phases.append(phase)
            rows.append({"patient": number, "kind": CLASSES[patient.kind]} | _made_from(patient, heard))
    frame = pd.DataFrame(rows)
    y = np.array([CLASSES.index(kind) for kind in frame["kind"]])
    groups = frame["patient"].to_numpy()
    return Dataset("heart_sounds", np.array(x, np.float32), y, CLASSES, frame, np.array(phases), groups, CARD)


def read(path: str | Path) -> np.ndarray:
    """The first 4 s of a recording of your own, a .wav file, as float32 (4000,) at 1,000 Hz, at most 1 high.

    Of a file with several channels the first is taken.

    Raises
    ------
    ValueError
        A file that is no .wav file, shorter than 4 s, silent, or sampled below 1,000 Hz.
    """
    from scipy.io import wavfile
    from scipy.signal import resample_poly

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # notes that some recorders write behind the sound
            rate, wave = wavfile.read(path)
    except (ValueError, EOFError, struct.error) as error:
        raise ValueError(f"path: {str(path)!r} cannot be read as a .wav file ({error}); export it as PCM") from None
    wave = np.asarray(wave, float).reshape(len(wave), -1)[:, 0]
    seconds = len(wave) / rate
    if rate < RATE or seconds < SECONDS:
        raise ValueError(
            f"path: {str(path)!r} holds {seconds:.1f} s at {rate:,} Hz, expected {SECONDS} s or more at {RATE:,} Hz or "
            "more; record longer, or with a finer setting"
        )
    wave = resample_poly(wave[: rate * SECONDS] - wave.mean(), RATE, rate)[: RATE * SECONDS]
    loudest = abs(wave).max()
    if not loudest > 0:
        raise ValueError(f"path: {str(path)!r} is silent, expected a recording")
    return (wave / loudest).astype(np.float32)


def _made_from(patient: Patient, heard: list) -> dict:
    """One row of the frame."""
    shape = ("none", "ejection" if patient.ejection else "level", "falling", "thud")[patient.kind]
    return {
        "heart_rate": 60 / patient.rr, "systole_s": patient.systole, "split_ms": 1000 * patient.split,
        "loudness": patient.loudness, "pitch_hz": patient.pitch, "shape": shape,
        "heard": "".join(symbol for _, symbol in heard), "when": tuple(at for at, _ in heard),
    }  # fmt: skip
