# ---
# jupyter:
#   jupytext:
#     formats: notebooks///ipynb,notebooks/scripts///py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # How sure, and what then? From findings to a decision
#
# After this notebook you can
# - **turn** findings into a probability by hand, and say when it is wrong to multiply them,
# - **join** a patient's record with a scan, say what each adds, and what to do when one is missing,
# - **test** whether a probability means what it says, and draw the line where the costs say, and
# - **promise** a coverage that is kept, and say which equalities between groups cannot be had.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [00](00_start_here.ipynb) and [15](15_image_diagnosis.ipynb) | 60 min | 60 s | simulated ambulance calls; simulated head CT with the patients' records |
#
# An ambulance crew looks for three signs of a stroke: the face droops on one side, an arm drifts down, the speech is
# slurred. One such call in ten is a stroke. Each sign is five to seven times as frequent in strokes as in other calls.
# A patient has all three. Multiply, as one learns: a stroke with **96 %**. Count the patients who have all three: **49
# %**. The calls below are simulated, so both numbers can be checked, and nobody has miscalculated.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib import plot
from medlib.decisions import decide
from medlib.lesson import check, claim, setup

rng = setup(seed=0)


# %%
def calls(n):
    """Simulated calls: stroke or not, and three signs."""
    stroke = rng.random(n) < 0.10
    weak = rng.random(n) < np.where(stroke, 0.60, 0.07)  # on one side
    face = rng.random(n) < np.where(weak, 0.80, 0.02)
    arm = rng.random(n) < np.where(weak, 0.85, 0.02)
    speech = rng.random(n) < np.where(weak, 0.60, 0.03)
    return stroke, np.stack([face, arm, speech], axis=1)


# %%
stroke, signs = calls(200_000)
in_strokes = signs[stroke].mean(axis=0)
in_others = signs[~stroke].mean(axis=0)
odds = 0.1 / 0.9 * np.prod(in_strokes / in_others)
multiplied = odds / (1 + odds)
counted = stroke[signs.all(axis=1)].mean()

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Eight patterns of three signs, from none to all, with two dots each on a scale of probability of stroke. Without any sign the multiplied dot lies at 0.02 and the counted one at 0.05; with one sign both lie between 0.09 and 0.22; with two the multiplied one is at 0.7 to 0.8 and with all three at 0.96, while the counted one stays just below 0.5."}} tags=["hide-input"]
patterns = np.stack(np.indices((2, 2, 2)).reshape(3, -1), axis=1)  # absent or present: face, arm, speech
patterns = patterns[np.argsort(patterns.sum(axis=1), kind="stable")]
rows = []
for pattern in patterns:
    factor = np.where(pattern, in_strokes / in_others, (1 - in_strokes) / (1 - in_others))
    odds_here = 0.1 / 0.9 * np.prod(factor)
    have = (signs == pattern).all(axis=1)
    rows.append((odds_here / (1 + odds_here), stroke[have].mean()))
by_hand, by_count = np.transpose(rows)
fig, ax = plt.subplots(figsize=(6.4, 3))
ax.hlines(range(8), by_hand, by_count, color="0.7", linewidth=1)
ax.scatter(by_hand, range(8), label="factors multiplied", marker="s", zorder=3)
ax.scatter(by_count, range(8), label="patients counted", zorder=3)
names = [" + ".join(np.array(["face", "arm", "speech"])[p == 1]) or "no sign" for p in patterns]
ax.set_yticks(range(8), names)
ax.set(xlabel="probability of a stroke", xlim=(0, 1), title="200,000 simulated calls")
ax.legend(loc="lower right")
plt.show()
assert np.isclose(by_hand[-1], multiplied) and np.isclose(by_count[-1], counted), "the last row should be all three"
none = [1 - signs[of].any(axis=1).mean() for of in (stroke, ~stroke)]
assert np.allclose([(1 - none[0]) / (1 - none[1]), none[0] / none[1]], [4.67, 0.438], rtol=0.05), none
assert np.all((in_strokes / in_others > 4.8) & (in_strokes / in_others < 7.5)), in_strokes / in_others
claim("all three signs: 95 to 97 % multiplied, 46 to 52 % counted", 0.95 < multiplied < 0.97 and 0.46 < counted < 0.52, [multiplied, counted])
claim("no sign: 1.7 to 2.6 % multiplied, 4.2 to 5.1 % counted", 0.017 < by_hand[0] < 0.026 and 0.042 < by_count[0] < 0.051, [by_hand[0], by_count[0]])

# %% [markdown]
# With all three signs the product says 96 % and the count 49 %; without any, 2 % and nearly 5 %. The product is too
# sure at both ends. (Together the signs behave about as published: one sign or more multiplies the odds by 5.5 [3.3,
# 9.1], none by .39 [.25, .61], Goldstein and Simel 2005; ours by 4.7 and .44.)
#
# ## 1. When findings multiply
#
# Write $d$ for the disease, $\bar d$ for its absence, $x_1, \dots, x_m$ for the findings. The *odds* are
# $P(d)/P(\bar d)$, one to nine for a call. A finding multiplies them by its *likelihood ratio*
# $P(x_j \mid d) / P(x_j \mid \bar d)$,
#
# $$\frac{P(d \mid x_1, \dots, x_m)}{P(\bar d \mid x_1, \dots, x_m)} = \frac{P(d)}{P(\bar d)}\;
# \prod_{j=1}^{m} \frac{P(x_j \mid d)}{P(x_j \mid \bar d)} \tag{50.1}$$
#
# on one condition: the findings are independent among people with the disease, *and* among people without it. (With one
# finding this is (0.3) of notebook 00, written for odds.) Ours are not. One weak side of the body makes the face droop,
# the arm drift *and* the speech slur. Three witnesses looked through one window.
#
# ### Your turn
#
# **50.1** Write it: `pre` is the probability before, `ratios` holds the likelihood ratios. Return the probability
# after.


# %%
def post_test(pre, ratios):
    """The probability of the disease after independent findings."""
    return ...  # your code


check("50.1", post_test)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 50.1
def post_test(pre, ratios):
    """The probability of the disease after independent findings."""
    odds = pre / (1 - pre) * np.prod(ratios)
    return odds / (1 + odds)


check("50.1", post_test)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.1): worlds with findings of 2, 3 and 4 outcomes, by enumeration; independent, then with a hidden cause


def posterior(pre, given):
    """The exact posterior of each pattern; given[c, d] holds a table of each finding, c a hidden cause of weight 1/2."""
    joint = [sum(np.einsum("i,j,k->ijk", *given[c][d]) for c in (0, 1)) / 2 for d in (0, 1)]
    return pre * joint[1] / (pre * joint[1] + (1 - pre) * joint[0])


def tables():
    """Random tables of three findings, with and without the disease."""
    return [[rng.dirichlet(np.ones(size)) for size in (2, 3, 4)] for _ in (0, 1)]


off, hidden = [], []
for pre in (0.02, 0.3, 0.7):
    one, other = tables(), tables()
    for given, errors in (((one, one), off), ((one, other), hidden)):
        truth = posterior(pre, given)
        single = [[np.mean([given[c][d][j] for c in (0, 1)], axis=0) for j in range(3)] for d in (0, 1)]
        for i, j, k in np.ndindex(2, 3, 4):
            ratios = [single[1][0][i] / single[0][0][i], single[1][1][j] / single[0][1][j], single[1][2][k] / single[0][2][k]]
            errors.append(post_test(pre, ratios) - truth[i, j, k])
claim("72 patterns: exact where findings are independent; a hidden cause puts some off by .05 or more", max(np.abs(off)) < 1e-9 and max(np.abs(hidden)) > 0.05, [max(np.abs(off)), max(np.abs(hidden))])

# %% [markdown]
# ### The whole world in sixteen numbers
#
# The honest way needs no independence. Draw the arrows: stroke → weak side → face, arm, speech. Each arrow is a table
# of chances, and together they are a **Bayesian network**. Multiply the tables along the arrows, add up over the weak
# side, which nobody recorded: what remains, `joint`, is the chance of each of sixteen cases.

# %%
p_stroke = np.array([0.90, 0.10])  # no, yes
p_weak = np.array([[0.93, 0.07], [0.40, 0.60]])  # a row for each p_stroke
p_face = np.array([[0.98, 0.02], [0.20, 0.80]])  # a row for each p_weak
p_arm = np.array([[0.98, 0.02], [0.15, 0.85]])
p_speech = np.array([[0.97, 0.03], [0.40, 0.60]])

# %%
arrows = [p_stroke, p_weak, p_face, p_arm, p_speech]
joint = np.einsum("d,dw,wf,wa,ws->dfas", *arrows)  # letters that vanish are summed
exact = joint[1] / joint.sum(axis=0)  # P(stroke | face, arm, speech)

# %%
all_three = joint[1, 1, 1, 1] / 0.1 / (joint[0, 1, 1, 1] / 0.9)  # likelihood ratio
for place, pre in {"telephone": 0.01, "ambulance": 0.1, "stroke team": 0.4}.items():
    print(f"{place:10} odds x {all_three:.1f}: {post_test(pre, [all_three]):.2f}")

# %% [markdown]
# The three signs *together* have one likelihood ratio, about 8.6, and (50.1) holds with that one. What it means depends
# on where you stand: .08 on the telephone, where one caller in a hundred has a stroke, .49 in the ambulance, .85 for
# the stroke team. And `exact` is the best that anybody can say from three signs: the **ceiling**. Its AUC needs no test
# set either:
#
# $$\mathrm{AUC} = \sum_{x} \sum_{x'} P(x \mid d)\, P(x' \mid \bar d)\,
# \Bigl(\mathbb 1\bigl[s(x) > s(x')\bigr] + \tfrac12\, \mathbb 1\bigl[s(x) = s(x')\bigr]\Bigr) \tag{50.2}$$
#
# with $s$ the score of a pattern. The mean *surprise*, −log of what was given to the truth, in nats, is another such
# sum.


# %%
def exact_auc(score):
    """The AUC of a score for the eight patterns, by enumeration."""
    well, ill = joint.reshape(2, 8) / p_stroke[:, None]
    s = np.ravel(score)
    wins = (s[:, None] > s) + 0.5 * (s[:, None] == s)
    return ill @ wins @ well


def exact_surprise(p):
    """The mean surprise of probabilities for the eight patterns."""
    return -np.sum(joint * np.log([1 - p, p]))


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.2): against scikit-learn, with the chances as weights; no score beats the ceiling
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

labels, weights = np.repeat([0, 1], 8), joint.ravel()
coarse = [np.round(score, 1) for score in (exact, *rng.random((5, 2, 2, 2)))]  # with ties
gaps = [exact_auc(s) - roc_auc_score(labels, np.tile(s.ravel(), 2), sample_weight=weights) for s in coarse]
assert max(np.abs(gaps)) < 1e-12, gaps
best_of_random = max(exact_auc(score) for score in rng.random((3000, 2, 2, 2)))
claim("the sum is scikit-learn's AUC; none of 3,000 random scores is above the ceiling", best_of_random <= exact_auc(exact), [best_of_random, exact_auc(exact)])

eight = np.indices((2, 2, 2)).reshape(3, -1).T
contest = {"factors multiplied": np.empty((2, 2, 2))}
contest["factors multiplied"][tuple(patterns.T)] = by_hand
for n in (300, 20_000):
    y_n, x_n = calls(n)
    logistic_n = LogisticRegression().fit(x_n, y_n)
    contest[f"logistic regression, {n:,} calls"] = logistic_n.predict_proba(eight)[:, 1].reshape(2, 2, 2)
    counts = np.stack([np.histogramdd(x_n[y_n == d], bins=[[-0.5, 0.5, 1.5]] * 3)[0] for d in (0, 1)])
    contest[f"each pattern counted, {n:,} calls"] = (counts[1] + 0.1) / (counts.sum(axis=0) + 1)
contest["ceiling: the network"] = exact
columns = {"AUC, exact": exact_auc, "surprise, exact": exact_surprise, "all three signs": lambda p: p[1, 1, 1]}
signs_table = pd.DataFrame({c: {name: f(p) for name, p in contest.items()} for c, f in columns.items()})
lost = signs_table - signs_table.loc["ceiling: the network"]
assert lost["AUC, exact"].max() < 1e-12 and lost["surprise, exact"].min() > -1e-12, lost
claim("multiplying loses less than .005 of AUC, and more than .02 nats", -0.005 < lost.iloc[0, 0] and lost.iloc[0, 1] > 0.02, lost.iloc[0, :2].to_list())
claim("20,000 calls: logistic regression loses an eighth of that or less, the count less than .001 nats", lost.iloc[3, 1] < lost.iloc[0, 1] / 8 and lost.iloc[4, 1] < 0.001, lost.iloc[3:5, 1].to_list())
signs_table.round(3)

# %% [markdown]
# No model passes the ceiling, an AUC of .76; it is so low because four strokes in ten show no sign at all. The
# multiplied factors reach it: they put the patterns in the right order. Yet they say .96 where .49 is right, and pay
# for it in surprise. **AUC sees the order and nothing else.** Logistic regression also adds up its findings, but learns
# smaller factors and mends most of it. A plain count of the eight patterns mends the rest, once it has seen enough
# calls.
#
# ## 2. What the record knows
#
# Now to a hospital: 1,000 simulated patients of the course, each with a record and four slices of a head CT. The
# scanner is a poor one, with the noise of a tenth of the usual dose. Which of four is it: no acute lesion, ischaemia,
# haemorrhage, tumour?

# %%
from medlib.data import load

scans = load("head_ct", size=32, dose=0.1)
seed = int(rng.integers(1000))
train, val, test = scans.split(val=0.25, test=0.3, seed=seed)
train

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Six simulated slices with an infarct, outlined: in the upper row at the usual dose, where the infarct is a darker patch, in the lower row at a tenth of it, where grain blurs it."}} tags=["hide-input"]
usual = load("head_ct", size=32)
shown = np.flatnonzero((usual.y == 1) & (usual.frame["area_mm2"].between(300, 900)))[5::30][:6]
pictures = np.concatenate([usual.x[shown], scans.x[shown]])
fig, ax = plt.subplots(figsize=(7, 2.7))
plot.mosaic(pictures, 6, vmin=5, vmax=65, masks=np.concatenate([scans.masks[shown]] * 2), ax=ax)
ax.set_title("Simulated infarcts: at the usual dose, and at a tenth of it", fontsize=10)
plt.show()

# %% [markdown]
# Six infarcts, outlined: above at the usual dose, below as our scanner sees them, where the grain is nearly as dark as
# they are. The record holds what was known before: age, sex, smoking, diabetes, glucose, pressure, atrial fibrillation,
# anticoagulant, hours since the first symptom, side and severity of the deficit, site.
#
# The validation patients are halved. One half *tunes*: whatever is chosen is chosen on them. The other half will
# *promise* (section 7), and nothing is chosen on those.

# %%
from dataclasses import replace

NUMBERS = ["age", "sbp", "glucose", "diabetes", "smoker"]
NUMBERS += ["af", "anticoagulant", "severity"]


# %%
def by_patient(part):
    """One row a patient: what is known before the scan."""
    one = part[::4]  # the four slices of a patient stand together
    known = one.frame[NUMBERS].assign(hours=np.log(one.frame["hours"]))
    words = pd.get_dummies(one.frame[["sex", "deficit_side", "site"]])
    x = pd.concat([known, words], axis=1).to_numpy(float)
    return replace(one, x=x, masks=None)


# %%
train_records, val_records, test_records = map(by_patient, (train, val, test))
tunes = np.arange(len(val_records)) % 2 == 0  # every second validation patient
tune_records, promise_records = val_records[tunes], val_records[~tunes]
y_tune, y_test = tune_records.y, test_records.y
counts = np.bincount(train_records.y)  # of each diagnosis
shares = decide("shares of the diagnoses", counts / counts.sum())


# %%
def surprise(y, p):
    """Mean surprise at the true diagnosis, in nats."""
    return -np.log(p[np.arange(len(y)), y] + 1e-12).mean()


def accuracy(y, p):
    return np.mean(p.argmax(axis=1) == y)


# %% [markdown]
# A logistic regression reads the record; how freely its weights may grow, $C$, is decided on the patients who tune.

# %%
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

fitted = {}
for C in (0.03, 0.1, 0.3, 1.0):
    logistic = LogisticRegression(C=C, max_iter=2000)
    model = make_pipeline(StandardScaler(), logistic)
    fitted[C] = model.fit(train_records.x, train_records.y)

# %%
p_tune = {C: model.predict_proba(tune_records.x) for C, model in fitted.items()}
losses = {C: surprise(y_tune, p) for C, p in p_tune.items()}
record_model = fitted[min(decide("loss of the record", losses), key=losses.get)]
p_record = record_model.predict_proba(test_records.x)

# %% [markdown]
# How good could it be? We know the equations that wrote the records (they stand in `data/head_ct.md`), so the best
# answer can be computed. For a diagnosis $k$ and a record $r$
#
# $$P(k \mid r) \propto P(k \mid \text{causes})\; P(\text{hours} \mid k)\; P(\text{side}, \text{severity} \mid k) \tag{50.3}$$
#
# where the *causes* are age, pressure, fibrillation and so on. Severity depends on a lesion's size and place; over
# those we average, with the lesions of the training patients.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.3): its three chances from the equations of data/head_ct.md. A true posterior is right on average
from sklearn.ensemble import HistGradientBoostingClassifier

from medlib.data.patients import chance_of_deficit, chance_of_diagnosis, chance_of_hours
from medlib.metrics import score_table


def simulation_knows(records, lesions):
    """P(diagnosis | record) of the simulation, shape (patients, 4)."""
    r = records.frame
    p = chance_of_diagnosis(r) * chance_of_hours(r) * chance_of_deficit(r, lesions.frame)
    return p / p.sum(axis=1, keepdims=True)


p_simulation = simulation_knows(test_records, train_records)
unseen = np.concatenate([simulation_knows(val_records, train_records), p_simulation])
y_unseen = np.concatenate([val_records.y, test_records.y])
findings = StandardScaler().fit_transform(np.concatenate([val_records.x, test_records.x]))
z = findings.T @ (np.eye(4)[y_unseen] - unseen) / np.sqrt((findings**2).T @ (unseen * (1 - unseen)))
claim("550 patients: right on average along every finding, within 4 standard errors", np.abs(z).max() < 4, np.abs(z).max())

grown = {k: HistGradientBoostingClassifier(max_iter=k, max_leaf_nodes=8, random_state=0).fit(train_records.x, train_records.y) for k in (10, 20, 40, 80)}
trees = grown[decide("rounds of boosting", min(grown, key=lambda k: surprise(y_tune, grown[k].predict_proba(tune_records.x))))]
records_say = {
    "the shares of the diagnoses": np.tile(shares, (len(test_records), 1)),
    "boosted trees": trees.predict_proba(test_records.x),
    "logistic regression": p_record,
    "ceiling: the simulation": p_simulation,
}
SCORES = {"accuracy": accuracy, "surprise": surprise}
record_table = score_table(records_say, test_records, against="logistic regression", scores=SCORES, n=400)
below = record_table["surprise minus logistic regression"]
claim("boosted trees are not ahead of it for certain; the simulation is, by .02 nats or more", below.iloc[1].high > 0 and below.iloc[3].value < -0.02, [str(below.iloc[1]), str(below.iloc[3])])
record_table

# %% [markdown]
# From the record alone logistic regression is right for some 62 of 100 patients, where always naming the commonest
# class is right for 32; boosted trees are no better. The simulation itself, with all its equations, gets up to 5 more
# right, and is surprised by .03 to .12 nats less. The rest must come from the picture.
#
# ## 3. Four opinions of one scan
#
# The network of notebook 15, through a window wide enough for the noise, trained on 1,800 slices.

# %%
import keras

from medlib.data.head_ct import brain_window
from medlib.models.cnn import build_cnn, compile_cnn, probabilities
from medlib.models.training import fit

# %%
grey = brain_window(train.x, level=35, width=60)
centre, spread = decide("centre and spread", (grey.mean(), grey.std()))


def network_input(part):
    grey = brain_window(part.x, level=35, width=60)
    return ((grey - centre) / spread)[..., None].astype("float32")


# %%
cnn = build_cnn((32, 32, 1), 4)
mirror = keras.layers.RandomFlip("horizontal")
learner = keras.Sequential([keras.Input((32, 32, 1)), mirror, cnn])
compile_cnn(learner, steps=500, rate=5e-3)
fit(learner, network_input(train), train.y, batch_size=32)
decide("network", cnn)


# %%
def opinions(part):
    """Probabilities (patients, 4 slices, 4 diagnoses)."""
    return probabilities(cnn, network_input(part)).reshape(-1, 4, 4)


val_opinions, test_opinions = opinions(val), opinions(test)

# %% [markdown]
# So there are four opinions on each patient. How to join them? Average them, as notebook 15 did? Or multiply, as in
# (50.1)? With four diagnoses in place of two it is best to add logarithms. What an opinion *adds* to what was known is
# its **evidence**, in nats: the logarithm of the probability with it, less that without it.
#
# ### Your turn
#
# **50.2** Write `together(prior, *evidence)`. `prior` holds the probability of each diagnosis before, shape (4,). Each
# piece of `evidence` holds one number for each patient and diagnosis, shape (n, 4). Add all of it to the logarithm of
# the prior, and return probabilities, shape (n, 4): $e$ to that power, divided by the sum over the diagnoses.


# %%
def evidence(p):
    """What an opinion adds to the prior, in nats."""
    return np.log(p + 1e-6) - np.log(shares)


def together(prior, *evidence):
    """Probabilities from a prior and pieces of independent evidence."""
    return ...  # your code


check("50.2", together)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 50.2
def together(prior, *evidence):
    """Probabilities from a prior and pieces of independent evidence."""
    logits = np.log(prior) + sum(evidence)
    p = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


check("50.2", together)

# %% [markdown]
# Adding up takes the four slices for independent witnesses; averaging is right if they are four copies of one. The
# truth is in between: the same lesion, other noise. So let the data say how much four count. A *temperature* $\tau$
# divides the sum over the $q$ slices:
#
# $$P(k \mid x_1, \dots, x_q) \propto P(k)\, \exp\Bigl(\frac1\tau \sum_{s=1}^{q} e_k(x_s)\Bigr), \qquad
# e_k(x) = \log P(k \mid x) - \log P(k) \tag{50.4}$$
#
# $\tau = 1$: independent. $\tau = q$: copies. (With one slice and equal $P(k)$: *temperature scaling*, Guo and others
# 2017.)

# %%
temperatures = np.geomspace(0.5, 8, 80)
e_tune = evidence(val_opinions[tunes]).sum(axis=1)
losses = [surprise(y_tune, together(shares, e_tune / t)) for t in temperatures]
tau = decide("temperature", temperatures[np.argmin(losses)])
e_scan = evidence(test_opinions).sum(axis=1) / tau
p_scan = together(shares, e_scan)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Reliability diagram of simulated test patients: share of right diagnoses against the probability given to the diagnosis named. The average of four slices lies above the diagonal, the sum below it, and the tempered sum near it."}} tags=["hide-input"]
# Equation (50.4): three diagnoses, slices with 5 grey levels; independent slices at 1, copies at q
for q in (2, 3, 5):
    prior, level = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(5), size=3)  # P(level | diagnosis)
    seen = rng.integers(5, size=(40, q))
    single = prior * level[:, seen].transpose(1, 2, 0)
    e = np.log(single / single.sum(axis=-1, keepdims=True)) - np.log(prior)
    apart = prior * level[:, seen].prod(axis=2).T
    as_copies = together(prior, np.repeat(e[:, :1], q, axis=1).sum(axis=1) / q)
    assert np.allclose(as_copies, single[:, 0] / single[:, 0].sum(axis=1, keepdims=True)), q
    right = np.allclose(together(prior, e.sum(axis=1)), apart / apart.sum(axis=1, keepdims=True))
    claim(f"{q} slices: Bayes' rule at temperature 1 when independent, at {q} when copies", right)

joined = {"average": test_opinions.mean(axis=1), "sum": together(shares, e_scan * tau), "sum, tempered": p_scan}
fig, ax = plt.subplots(figsize=(4.6, 4))
for name, p in joined.items():
    plot.reliability(p.argmax(axis=1) == y_test, p.max(axis=1), bins=5, ax=ax, label=name)
ax.set(xlabel="probability of the diagnosis named", ylabel="share of them right", title="Simulated test patients")
ax.set(xlim=(0.3, 1.02), ylim=(0.3, 1.02))
ax.legend(loc="upper left", fontsize=8)
plt.show()
too_sure = {name: p.max(axis=1).mean() - accuracy(y_test, p) for name, p in joined.items()}
claim("the average is timid by 3 points or more, the sum too sure by 3 or more", too_sure["average"] < -0.03 and too_sure["sum"] > 0.03, [too_sure["average"], too_sure["sum"]])
claim("tempered, it is off by less than 12 points, and by less than the sum", abs(too_sure["sum, tempered"]) < min(0.12, too_sure["sum"]), too_sure["sum, tempered"])
mean_tune, mean_test = (evidence(opinion.mean(axis=1)) for opinion in (val_opinions[tunes], test_opinions))
warm = decide("temperature of the average", temperatures[np.argmin([surprise(y_tune, together(shares, mean_tune / t)) for t in temperatures])])
with_own = joined | {"average, tempered": together(shares, mean_test / warm)}
cost = score_table(with_own, test_records, against="sum, tempered", scores={"surprise": surprise}, n=400).iloc[[0, 1, 3], 1]
claim("and less surprised than either; an average with a temperature of its own is level, within .05", min(c.value for c in cost[:2]) > 0 and abs(cost.iloc[2].value) < 0.05, [str(c) for c in cost])
claim("the temperature lies between independent slices and copies", 1.2 < tau < 3.9, tau)

# %% [markdown]
# Averaged opinions lie above the diagonal: they say 67 %, and are right for 75 or more. Added up they lie below it, and
# say 90. With a temperature between 2 and 3 the points come near it, and the surprise is the least of the three (an
# average with a temperature of its own does as well): **four slices are worth fewer than two independent ones**. This
# network is too sure *or* too timid, depending on how one listens.
#
# ### How crooked is crooked?
#
# The *expected calibration error* (ECE) puts $n$ patients into $B$ bins of equal counts and takes the mean distance
# between what was predicted and what was seen. A distance is never negative, so chance alone makes it positive. For a
# *perfectly calibrated* model, with $v_b$ the mean of $p\,(1-p)$ in bin $b$,
#
# $$\mathrm E[\mathrm{ECE}] \approx \sqrt{\frac{2B}{\pi n}}\;\; \frac1B \sum_{b=1}^{B} \sqrt{v_b} \tag{50.5}$$

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.5): perfect predictions of three kinds, numbers and bins; then ours, beside what chance makes of them
def ece(right, p, bins=10):
    """Expected calibration error, in bins of equal counts."""
    parts = np.array_split(np.argsort(p), bins)
    gaps = [abs(right[part].mean() - p[part].mean()) for part in parts]
    return np.mean(gaps)


def ece_of_chance(p, bins=10):
    """What chance makes of a perfectly calibrated model, equation (50.5)."""
    v = [np.mean(part * (1 - part)) for part in np.array_split(np.sort(p), bins)]
    return np.sqrt(2 * bins / (np.pi * len(p))) * np.mean(np.sqrt(v))


ratios = []
for shape, n, bins in (((2, 2), 100, 5), ((1, 3), 400, 10), ((5, 2), 1500, 20)):
    drawn = [(p := rng.beta(*shape, n), ece(rng.random(n) < p, p, bins)) for _ in range(300)]
    ratios.append(np.mean([error for _, error in drawn]) / np.mean([ece_of_chance(p, bins) for p, _ in drawn]))
assert ece(rng.random(2000) < 0.5, rng.choice([0.1, 0.9], 2000)) > 0.35, "an ECE must not mix high and low predictions"
claim("perfect models: the mean ECE is the formula's, within 7 %", max(np.abs(np.array(ratios) - 1)) < 0.07, ratios)
rows = {}
for name, p in joined.items():
    top = p.max(axis=1)
    by_chance = [ece(rng.random(len(top)) < top, top) for _ in range(400)]
    rows[name] = [ece(p.argmax(axis=1) == y_test, top), ece_of_chance(top), np.quantile(by_chance, 0.975)]
crooked = pd.DataFrame(rows, index=["ECE", "of chance, (50.5)", "chance, 97.5 % limit"]).T
claim("the ECE of the sum is far beyond chance", crooked.iloc[1, 0] > 1.3 * crooked.iloc[1, 2], crooked.iloc[1].to_list())
claim("tempered it is less than .1, and less than four fifths of the sum's", crooked.iloc[2, 0] < min(0.1, 0.8 * crooked.iloc[1, 0]), crooked.iloc[2].to_list())
crooked.round(3)

# %% [markdown]
# With these 300 patients a perfect model as sure as ours would show an ECE of about .05. Tempered, ours shows .03 to
# .08: little is proved against it. The sum is far beyond its limit. The average lies near its own, though it is 7 to 14
# points too timid on the whole: ten bins and lost signs blunt the ECE.
#
# ## 4. Record and scan together
#
# If record and scan are independent *given the diagnosis*, their evidence adds up. Ours nearly are (hospital and size
# of the lesion touch both):
#
# $$\log P(k \mid r, x) = \log P(k) + e_k(r) + e_k(x) + \text{const} \tag{50.6}$$
#
# Nothing to fit:

# %%
e_record = evidence(p_record)
p_both = together(shares, e_record, e_scan)

# %% [markdown]
# That is the rule to beat. Two rivals learn how to join. **Late fusion**: a logistic regression of both sets of
# evidence, fitted to the patients who tune. **A joint network**: the record beside the 64 numbers that the image
# network makes of a slice, learnt on the training patients.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from keras import layers
from sklearn.model_selection import cross_val_predict


def joint_network(lost=0.0, sizes=(64, train_records.x.shape[1])):
    """Both sources in, four logits out; each source is lost with this chance."""
    inputs = [keras.Input((size,)) for size in sizes]
    kept = [layers.Dropout(lost, noise_shape=(None, 1))(source) for source in inputs]  # a whole source at once
    h = layers.Concatenate()(kept)
    h = layers.Dropout(0.3)(layers.Dense(64, activation="relu")(h))
    return compile_cnn(keras.Model(inputs, layers.Dense(4)(h)), steps=600)


# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.6): three diagnoses, a record with 5 values and a scan with 4, by enumeration; then dependent ones
errors, dependent = [], []
for _ in range(5):
    prior, of_record, of_scan = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(5), size=3), rng.dirichlet(np.ones(4), size=3)
    apart = np.einsum("k,kr,kx->rxk", prior, of_record, of_scan)
    for world, found in ((apart, errors), (0.7 * apart + 0.3 * rng.dirichlet(np.ones(60)).reshape(5, 4, 3), dependent)):
        p_k = world.sum(axis=(0, 1))
        e_r, e_x = (np.log(world.sum(axis=a) / world.sum(axis=(a, 2))[:, None]) - np.log(p_k) for a in (1, 0))
        said = together(p_k, e_r[:, None, :], e_x[None, :, :])
        found.append(np.abs(said - world / world.sum(axis=2, keepdims=True)).max())
claim("five worlds: exact when independent given the diagnosis, off by .05 or more when not", max(errors) < 1e-12 and min(dependent) > 0.05, [max(errors), min(dependent)])

features = keras.Model(cnn.input, cnn.layers[-3].output)  # what the pooling makes of a slice: 64 numbers
raw = {name: features.predict(network_input(part), verbose=0) for name, part in (("train", train), ("val", val), ("test", test))}
feature_scale, record_scale = StandardScaler().fit(raw["train"]), record_model[0]
decide("scale of the features", feature_scale)


def sources(part, name):
    """Both inputs of a joint network, a row for each slice; 0 is the mean of the training patients."""
    records = np.repeat(record_scale.transform(by_patient(part).x), 4, axis=0)
    return [feature_scale.transform(raw[name]), records.astype("float32")]


joint_nets = {lost: joint_network(lost) for lost in (0.0, 0.3)}
for lost, network in joint_nets.items():
    fit(network, sources(train, "train"), train.y, batch_size=64, label=f"joint network, lost {lost}")


def patients_from(network, inputs):
    """Probabilities of a joint network, (patients, 4): the mean over the slices."""
    return keras.ops.convert_to_numpy(keras.ops.softmax(network.predict(inputs, verbose=0))).reshape(-1, 4, 4).mean(axis=1)


def sharpened(network, inputs, on=(1, 1)):
    """The same, with a temperature of its own for the sources that are on, from the patients who tune."""
    said = patients_from(network, [k * x for k, x in zip(on, sources(val, "val"), strict=True)])[tunes]
    cold = temperatures[np.argmin([surprise(y_tune, together(shares, evidence(said) / t)) for t in temperatures])]
    return together(shares, evidence(patients_from(network, inputs)) / decide("temperature of the joint network", cold))


val_evidence = [evidence(record_model.predict_proba(val_records.x)), evidence(val_opinions).sum(axis=1) / tau]
stacked = np.hstack(val_evidence)[tunes]
tried = {C: cross_val_predict(LogisticRegression(C=C, max_iter=2000), stacked, y_tune, cv=5, method="predict_proba") for C in (0.03, 0.1, 0.3, 1)}
late = LogisticRegression(C=min(tried, key=lambda C: surprise(y_tune, tried[C])), max_iter=2000).fit(stacked, y_tune)
decide("late fusion and joint networks", [late, *joint_nets.values()])
both_in = sources(test, "test")

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from sklearn.ensemble import RandomForestClassifier

forest = RandomForestClassifier(150, n_jobs=-1, random_state=0).fit(network_input(train).reshape(len(train), -1), train.y)
seen_by_forest = {name: forest.predict_proba(network_input(part).reshape(len(part), -1)).reshape(-1, 4, 4) for name, part in (("val", val), ("test", test))}
e_forest = {name: np.log(p + 0.01).sum(axis=1) - 4 * np.log(shares) for name, p in seen_by_forest.items()}
cold = temperatures[np.argmin([surprise(y_tune, together(shares, e_forest["val"][tunes] / t)) for t in temperatures])]
everybody = {
    "record alone": p_record,
    "scan alone, forest on pixels": together(shares, e_forest["test"] / decide("temperature of the forest", cold)),
    "scan alone, network": p_scan,
    "both: evidence added": p_both,
    "both: late fusion": late.predict_proba(np.hstack([e_record, e_scan])),
    "both: joint network": sharpened(joint_nets[0.0], both_in),
    "both: added, record by the simulation": together(shares, evidence(p_simulation), e_scan),
}
fusion = score_table(everybody, test_records, against="both: evidence added", scores=SCORES, n=400)
gap = fusion["surprise minus both: evidence added"]
claim("both are better than the scan alone, and the interval says so", gap["scan alone, network"].low > 0.01, gap["scan alone, network"])
claim("adding evidence is right for 3 or more patients of 100 more than the scan alone", fusion.loc["scan alone, network", "accuracy minus both: evidence added"].value < -0.03, fusion.loc["scan alone, network", "accuracy minus both: evidence added"])
rivals = [gap[f"both: {name}"] for name in ("late fusion", "joint network")]
claim("neither rival is ahead of plain adding by .1 nats", min(r.value for r in rivals) > -0.1, [str(r) for r in rivals])
claim("with the simulation's reading of the record, adding is not worse by .01 nats", gap.iloc[-1].value < 0.01, gap.iloc[-1])
fusion

# %% [markdown]
# Alone the record is right for some 62 of 100 patients and, from run to run, the scan for 71 to 82 (a forest on its
# pixels for 66 to 71), together for 83 to 91, and the interval of that difference excludes 0. Late fusion is level,
# within a few hundredths of a nat. The joint network is level, or in some runs ahead, by a few hundredths of a nat and
# up to four patients of 100. The last row says where more is to be had: with the simulation's own reading of the record
# in place of ours, the same addition gains once more in most runs.

# %% [markdown]
# ## 5. When one is missing
#
# A scan comes without its record, or the scanner is being repaired. A sum knows what to do: **what is
# missing adds nothing**. A joint network must be fed something, and the usual remedy is the average patient (0 on the
# scale of its inputs). A better one is to let it lose a source now and then *while it learns* (`lost=0.3`), so that it
# has met the case.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
given = {"both": (1, 1), "record only": (0, 1), "scan only": (1, 0)}
added = {
    "both": p_both,
    "record only": together(shares, e_record),
    "scan only": together(shares, e_scan),
}
assert np.allclose(added["record only"], p_record, atol=1e-4), "evidence added to the shares should give back the record"
blocks = {}
for case, on in given.items():
    inputs = [k * x for k, x in zip(on, both_in, strict=True)]
    say = {"evidence added": added[case], "joint network": sharpened(joint_nets[0.0], inputs, on), "joint, trained with gaps": sharpened(joint_nets[0.3], inputs, on)}
    blocks[case] = score_table(say, test_records, against="evidence added", scores=SCORES, n=400)[["surprise", "surprise minus evidence added"]]
missing = pd.concat(blocks)
behind = missing["surprise minus evidence added"]
filled, with_gaps = (behind["record only", name] for name in ("joint network", "joint, trained with gaps"))
claim("without the scan the joint network is behind by .05 nats or more, its interval above 0", filled.value > 0.05 and filled.low > 0, filled)
claim("trained with gaps it loses less than half as much", with_gaps.value < filled.value / 2, with_gaps)
missing

# %% [markdown]
# With both sources the three are within a few hundredths. Take the scan away, and the plain joint network is surprised
# by over 1 nat, against .9 for the record by itself: it goes on trusting a picture that is not there. Trained with gaps
# it comes near to the sum. Nothing in its output says that a source is missing.
#
# ## 6. Where to draw the line
#
# Now a decision. Patients with a suspected stroke may be sent to imaging of the vessels (CT angiography). Whoever has
# no ischaemia, a bleed included, counts as sent for nothing (in a bleed it has other uses). That costs time, dose,
# contrast medium and a place: $c_{\text{false}}$. Not sending someone who needed it costs $c_{\text{missed}}$. At a
# probability $p$ sending costs $(1-p)\, c_{\text{false}}$ on average, not sending $p\, c_{\text{missed}}$. So send from
#
# $$t = \frac{c_{\text{false}}}{c_{\text{false}} + c_{\text{missed}}} \tag{50.7}$$
#
# on. "Missing one is as bad as four sent for nothing" means $t = .2$. People decide that, before they see results.
# Measured in patients found, a rule is then worth its **net benefit** (Vickers and Elkin 2006)
#
# $$\mathrm{NB}(t) = \frac{\text{true alarms}}{n} - \frac{t}{1-t}\; \frac{\text{false alarms}}{n} \tag{50.8}$$
#
# ### Your turn
#
# **50.3** Write it for labels `y` (1: has the disease), probabilities `p` and a line `t`. Whoever has `p >= t` is sent.


# %%
def net_benefit(y, p, t):
    """True alarms per patient, less false ones at their price."""
    return ...  # your code


check("50.3", net_benefit)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 50.3
def net_benefit(y, p, t):
    """True alarms per patient, less false ones at their price."""
    sent = p >= t
    true_alarms = np.mean(sent & (y == 1))
    false_alarms = np.mean(sent & (y == 0))
    return true_alarms - t / (1 - t) * false_alarms


check("50.3", net_benefit)

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equations (50.7) and (50.8): 200,000 calibrated patients; the cheapest line by search, and the costs themselves
chances = rng.beta(1, 2, 200_000)
ill = rng.random(200_000) < chances
order = np.argsort(chances)
cheapest, worth, timid = [], [], []
for false_cost, missed_cost in ((1, 4), (2, 3), (5, 1)):
    missed = np.cumsum(ill[order])  # of everybody up to here nobody is sent
    for_nothing = np.sum(~ill) - np.cumsum(~ill[order])
    best = np.argmin(missed_cost * missed + false_cost * for_nothing)
    t = false_cost / (false_cost + missed_cost)
    cheapest.append(chances[order][best] - t)
    sent = chances >= t
    saved = missed_cost * np.sum(ill) - missed_cost * np.sum(ill & ~sent) - false_cost * np.sum(sent & ~ill)
    worth.append(net_benefit(ill, chances, t) - saved / missed_cost / len(ill))
    odds_too_far = (chances / (1 - chances)) ** 3  # the same order, three times the evidence
    timid.append(net_benefit(ill, chances, t) - net_benefit(ill, odds_too_far / (1 + odds_too_far), t))
claim("three prices: the cheapest line found by search is (50.7), within .04", max(np.abs(cheapest)) < 0.04, cheapest)
claim("net benefit is the money saved against sending nobody, in units of one found", max(np.abs(worth)) < 1e-9, max(np.abs(worth)))
claim("the same order with three times the evidence is worth less at each line", min(timid) > 0.001, timid)

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Decision curve of simulated test patients: net benefit against the line t from 0.02 to 0.6. Record and scan together are highest throughout; scan alone and record alone run close together up to 0.2, then the record falls, to zero near 0.55; sending everybody starts nearly as high at the left and falls below zero near 0.25; sending nobody is zero."}} tags=["hide-input"]
is_ischaemia = y_test == 1
lines = np.linspace(0.02, 0.6, 59)
curves = {"record and scan": p_both[:, 1], "scan alone": p_scan[:, 1], "record alone": p_record[:, 1], "everybody": np.ones(len(y_test))}
fig, ax = plt.subplots(figsize=(6.2, 3.4))
for (name, p), style in zip(curves.items(), ("-", "--", "-.", ":"), strict=True):
    ax.plot(lines, [net_benefit(is_ischaemia, p, t) for t in lines], style, label=name)
ax.axhline(0, color="0.5", linewidth=1, label="nobody")
ax.axvline(0.2, color="0.8", linewidth=1, zorder=0)
ax.set(xlabel="line t: send from this probability on", ylabel="net benefit per patient", ylim=(-0.05, 0.27))
ax.set_title("Who is sent to imaging of the vessels (simulated)")
ax.legend(fontsize=8, loc="upper right")
plt.show()
worths = score_table(curves, test_records, against="record and scan", scores={"NB": lambda y, p: net_benefit(y == 1, p, 0.2)}, n=400)
less = worths["NB minus record and scan"]
claim("at t = .2 both together are worth more than the scan alone, by .005 to .08", -0.08 < less["scan alone"].value < -0.005, less["scan alone"])
claim("and more than sending everybody, by .08 or more", less["everybody"].high < -0.08, less["everybody"])

# %% [markdown]
# Both sources together are highest nearly everywhere. At the grey line, $t = .2$, they reach about .2: as good as
# finding 20 of 100 patients without one false alarm, where 25 have ischaemia. The scan alone is worth some 1 to 6 less
# in a hundred, sending everybody 14 less. On the far left *everybody* is nearly as good as any model: where false
# alarms are cheap, no model is needed. So draw *everybody* and *nobody*, too; a fine AUC may lie below them.
#
# ## 7. A promise that can be kept
#
# Some want no probability but a short list that holds the right diagnosis nine times in ten. **Conformal prediction**
# (Vovk and others 2005) makes it of any model. Take the $n$ patients set aside, and for each the *nonconformity* of the
# truth: 1 minus its probability. Take the $i$-th smallest as the *cut*, $i = \lceil (n+1)(1-\alpha) \rceil$, where
# $\alpha = .1$ may be missed. For a new patient list every diagnosis that is not stranger than the cut.


# %%
def nonconformity(y, p):
    """How strange the truth looks to the model."""
    return 1 - p[np.arange(len(y)), y]


def cut_for(scores, alpha):
    """The i-th smallest score."""
    i = int(np.ceil((len(scores) + 1) * (1 - alpha)))
    return np.append(np.sort(scores), np.inf)[i - 1]


# %%
p_promise = together(shares, *val_evidence)[~tunes]
kept_scores = nonconformity(promise_records.y, p_promise)
cut = decide("conformal cut", cut_for(kept_scores, alpha=0.1))
lists = 1 - p_both <= cut

# %% [markdown]
# Why does it work? Only ranks count, so let the scores be uniform between 0 and 1. Then the coverage *is* the cut, the
# $i$-th smallest of $n$ uniform numbers. So, whatever the model and the disease, what one hospital gets is a draw from
#
# $$\text{coverage} \sim \mathrm{Beta}(i,\ n + 1 - i), \qquad \text{with mean } \frac{i}{n+1} \ge 1 - \alpha \tag{50.9}$$
#
# as long as the new patients come from where the old ones came.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Histogram of the coverage in 3,000 new divisions of the simulated patients into those who promise and those tested, from 0.8 to 0.98 around 0.905. The beta-binomial law, drawn as a line, runs along the top of the bars. A dotted line marks the coverage of this page."}} tags=["hide-input"]
# Equation (50.9): scores of a known law, three sizes; then our patients divided anew 3,000 times
from scipy import stats

off = []
for n, alpha in ((19, 0.1), (60, 0.25), (125, 0.1)):
    i = int(np.ceil((n + 1) * (1 - alpha)))
    coverage = 1 - np.exp(-np.array([cut_for(rng.exponential(size=n), alpha) for _ in range(4000)]))
    law = stats.beta(i, n + 1 - i)
    off.append([coverage.mean() - law.mean(), coverage.std() / law.std() - 1, np.mean(coverage < law.ppf(0.1)) - 0.1])
off = np.abs(off).max(axis=0)
claim("three sizes: mean, spread and lower tail of the coverage are those of the law", off[0] < 0.005 and off[1] < 0.06 and off[2] < 0.03, off)

pool = np.concatenate([kept_scores, nonconformity(y_test, p_both)])
n, m = len(kept_scores), len(y_test)
i = int(np.ceil((n + 1) * 0.9))
again = []
for _ in range(3000):
    mixed = rng.permutation(pool)
    again.append(np.mean(mixed[n:] <= cut_for(mixed[:n], 0.1)))
covered = lists[np.arange(m), y_test].mean()
law = stats.betabinom(m, i, n + 1 - i)
held = np.arange(int(0.78 * m), m + 1)  # lists that hold the truth
fig, ax = plt.subplots(figsize=(6, 2.8))
ax.hist(again, bins=(held[::3] - 0.5) / m, density=True, alpha=0.5, label="patients divided anew")
ax.plot(held / m, law.pmf(held) * m, label=f"(50.9), seen in {m}")
ax.axvline(covered, color="black", linestyle=":", label="our division")
ax.set(xlabel="share of lists that hold the truth", ylabel="density", title=f"Simulated: {n} patients promise, {m} are tested")
ax.legend(fontsize=8)
plt.show()
claim("divided anew the mean coverage is i / (n + 1), and the spread that of the law", abs(np.mean(again) - i / (n + 1)) < 0.004 and abs(np.std(again) * m / law.std() - 1) < 0.07, [np.mean(again), np.std(again)])
low, high = law.ppf([0.0005, 0.9995]) / m
assert np.allclose(law.ppf([0.025, 0.975]) / m, [0.84, 0.96], atol=0.006), law.ppf([0.025, 0.975]) / m
claim("our own division lies inside 99.9 % of the law", low <= covered <= high, [low, covered, high])

# %% [markdown]
# The bars follow the law: on average .905, and nineteen hospitals in twenty see .84 to .96 in 300 patients of theirs.
# That is how far a promise of .9 reaches with 125 patients. What differs between models is not the coverage but what it
# costs:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
from medlib.metrics import proportion

rows = {}
promise = {"record alone": together(shares, val_evidence[0])[~tunes], "scan alone": together(shares, val_evidence[1])[~tunes], "record and scan": p_promise}
tested = {"record alone": added["record only"], "scan alone": p_scan, "record and scan": p_both}
for name, p in promise.items():
    own = decide(f"cut, {name}", cut_for(nonconformity(promise_records.y, p), 0.1))
    listed = 1 - tested[name] <= own
    alone, holds = listed.sum(axis=1) == 1, listed[np.arange(m), y_test]
    rows[name] = [proportion(holds.sum(), m), listed.sum(axis=1).mean(), proportion(alone.sum(), m), proportion(holds[alone].sum(), alone.sum())]
lists_table = pd.DataFrame(rows, index=["coverage", "diagnoses on a list", "lists of one", "of those right"]).T
length = lists_table["diagnoses on a list"].astype(float)
claim("with both, and with the scan, the lists are shorter than with the record by .3 or more", max(length.iloc[1:]) < length.iloc[0] - 0.3, length.to_list())
by_kind = [lists[y_test == kind, kind].mean() for kind in range(4)]
spread = [np.ptp([hit[y_test == kind].mean() for kind in range(4)]) for hit in rng.random((2000, m)) < covered]
claim("by chance alone four such groups differ by .05 to .09; then ours", 0.05 < np.mean(spread) < 0.09, [np.mean(spread), np.ptp(by_kind)])
kinds = [decide(f"cut, {name}", cut_for(kept_scores[promise_records.y == kind], 0.1)) for kind, name in enumerate(scans.classes)]
own_lists = 1 - p_both <= np.array(kinds)
print("with a cut for each diagnosis:", *(f"{name} {own_lists[y_test == kind, kind].mean():.2f}" for kind, name in enumerate(scans.classes)))
lists_table.assign(**{"diagnoses on a list": length.round(2)})

# %% [markdown]
# The record lists about two diagnoses, the scan 1.1 to 1.5, in most runs both together least. **The program may
# abstain**: where its list holds exactly one diagnosis it speaks, with both sources for nine patients of ten or more,
# otherwise it hands over. But the promise holds *on average over patients*. Of a single diagnosis it says nothing, and
# four groups of this size hardly tell. With a cut for each diagnosis (the printed line) it holds for each, as far as
# some thirty patients of a kind can promise.
#
# ## 8. Equal for whom?
#
# Next, the same line for everybody, $t = .2$, and its errors group by group. *FPR*: alarmed among those without
# ischaemia. *FNR*: missed among those with it. *PPV*: true among alarms.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
alarm, groups = p_both[:, 1] >= 0.2, test_records.frame
audit, identity = {}, []
for column, values in (("af", {"no fibrillation": 0, "fibrillation": 1}), ("site", {"site A": "A", "site B": "B", "site C": "C"})):
    for name, value in values.items():
        g = (groups[column] == value).to_numpy()
        hits, false = np.sum(g & alarm & is_ischaemia), np.sum(g & alarm & ~is_ischaemia)
        with_it, without = np.sum(g & is_ischaemia), np.sum(g & ~is_ischaemia)
        rates = {"prevalence": (with_it, g.sum()), "FPR": (false, without), "FNR": (with_it - hits, with_it), "PPV": (hits, hits + false)}
        audit[name] = {"patients": g.sum()} | {rate: proportion(*count) for rate, count in rates.items()}
        p, fpr, fnr, ppv = (audit[name][rate].value for rate in rates)
        identity.append(fpr - p / (1 - p) * (1 - ppv) / ppv * (1 - fnr))
audit = pd.DataFrame(audit).T
width = audit.loc["fibrillation", "FPR"].high - audit.loc["fibrillation", "FPR"].low
claim("ischaemia is more frequent with fibrillation; the interval of its FPR is .09 wide or wider", audit.loc["fibrillation", "prevalence"].value > audit.loc["no fibrillation", "prevalence"].value + 0.05 and width > 0.09, [str(audit.loc["fibrillation", "prevalence"]), width])
audit

# %% [markdown]
# Ischaemia is more frequent among patients with fibrillation than among others, and in most runs they have more false
# alarms as well; with so few free of ischaemia the intervals leave that open. Is it unfair? Before you mend it,
# count. Among $n$ patients there are $n\, P(d)\,(1-\mathrm{FNR})$ true alarms. Of all alarms the share PPV is true, so
# there are $(1-\mathrm{PPV})/\mathrm{PPV}$ false ones for each true one. Divide by the $n\,(1-P(d))$ without the
# disease (Chouldechova 2017):
#
# $$\mathrm{FPR} = \frac{P(d)}{1 - P(d)}\;\frac{1-\mathrm{PPV}}{\mathrm{PPV}}\;(1-\mathrm{FNR}) \tag{50.10}$$
#
# So where $P(d)$ differs, two groups **cannot** agree in PPV, FNR *and* FPR, unless all alarms are true.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.10): our five groups; 200 random tables; then a score that is perfect in both of two groups
random_off = []
for tp, fn, fp, tn in rng.integers(1, 100, (200, 4)):
    p = (tp + fn) / (tp + fn + fp + tn)
    random_off.append(fp / (fp + tn) - p / (1 - p) * (fp / (tp + fp)) / (tp / (tp + fp)) * tp / (tp + fn))
assert max(np.abs(random_off)) < 1e-12, max(np.abs(random_off))
claim("it holds in our five groups, to the last digit", max(np.abs(identity)) < 1e-12, max(np.abs(identity)))
rates = []
for shape in ((1, 4), (2, 3)):  # a fifth and two fifths are ill
    p = rng.beta(*shape, 200_000)
    ill = rng.random(len(p)) < p
    rates.append([np.mean(p[~ill] >= 0.2), np.mean(p[ill] < 0.2)])
claim("perfectly calibrated in both: the group with more disease has more false alarms and fewer missed", rates[1][0] > rates[0][0] + 0.2 and rates[1][1] < rates[0][1] - 0.19, rates)

# %% [markdown]
# The last tick is the point: two groups, one line, and a score that is *exactly right* in each, and still the rates of
# error differ, by 20 points or more, because more people of one group are ill. Unequal rates are not yet a fault
# of the model, and whoever makes them equal gives up something else. Which equality matters is
# for those to say who bear the errors. What can be asked of any model is calibration *within* each group, and enough
# patients in it.
#
# ## 9. Found early, and no better for it?
#
# Last: a screening programme reports: of those whose tumour it found, nearly half are alive after five years; of those
# who came with symptoms, one in six. Here is a world in which the scan helps *nobody*. A tumour can be seen from
# `begins` on, is felt after `silent` years, and `lives` more years remain, scanned or not. Everybody is scanned once,
# in year 30.

# %%
n = 400_000
begins = rng.uniform(0, 60, n)
silent = rng.gamma(2, 1.5, n)  # fast ones and slow ones, 3 years on average
lives = rng.exponential(silent)  # what grows slowly kills slowly
found = (begins < 30) & (begins + silent > 30)
lead = (begins + silent - 30)[found]  # years that the scan came earlier

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (50.11): three laws of the silent time, those whom one scan finds; then the world above
off = []
for shape, scale in ((0.5, 4), (2, 1.5), (6, 0.7)):
    starts, lasts = rng.uniform(0, 60, n), rng.gamma(shape, scale, n)
    seen = (starts < 30) & (starts + lasts > 30)
    earlier = (starts + lasts - 30)[seen]
    squares = scale**2 * shape * (shape + 1)  # E[S squared] of a gamma law
    off += [lasts[seen].mean() / (squares / shape / scale) - 1, earlier.mean() / (squares / shape / scale / 2) - 1]
claim("three laws: silent time of those found, and lead, are (50.11) within 6 %", max(np.abs(off)) < 0.06, off)
counted_from = {
    "came with symptoms": lives[~found],
    "found by the scan, from the scan on": lead + lives[found],
    "the same people, from their symptoms on": lives[found],
}
survival = pd.DataFrame({name: {"alive after 5 years": np.mean(t > 5), "silent years": group.mean()} for (name, t), group in zip(counted_from.items(), (silent[~found], silent[found], silent[found]), strict=True)}).T
alive = survival["alive after 5 years"].to_numpy()
claim("alive after five years: .16 to .19 with symptoms, .46 to .50 found by the scan, .27 to .31 of the same counted alike", 0.16 < alive[0] < 0.19 and 0.46 < alive[1] < 0.5 and 0.27 < alive[2] < 0.31, alive)
survival.round(2)

# %% [markdown]
# Nearly half of those found are alive after five years, against one in six, and not one lives a day longer. Their clock
# starts earlier: that is **lead time**. And a scan on one day meets those tumours that can be seen for long, the slow
# ones: **length bias**. It stays when the clock is set right (last row, .29). With $S$ the silent time, whose chance to
# be met is proportional to its length,
#
# $$\mathrm E[S \mid \text{found}] = \frac{\mathrm E[S^2]}{\mathrm E[S]}, \qquad
# \mathrm E[\text{lead}] = \frac{\mathrm E[S^2]}{2\,\mathrm E[S]} \tag{50.11}$$
#
# So survival after diagnosis cannot judge early detection. Deaths can, counted among *all*
# who were invited, beside people who by lot were not.
#
# ### A card whose numbers are checked
#
# What a reader of your model needs fits on a card. Here it is written by the results, and read back: each number is
# computed once more, from the labels and the probabilities alone.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
import re

weakest = int(np.argmin(by_kind))
assert by_kind[weakest] == min(by_kind), by_kind
card = f"""MODEL     record and scan, evidence added; four diagnoses; head CT at a tenth of the usual dose
MADE FOR  teaching. Not for patients. All data are simulated; one lesion a patient, one anatomy.
TESTED ON {len(y_test)} patients, never learnt or chosen from, {is_ischaemia.sum()} with ischaemia
RIGHT     {fusion.loc["both: evidence added", "accuracy"]} (scan alone {fusion.loc["scan alone, network", "accuracy"]})
SURPRISE  {fusion.loc["both: evidence added", "surprise"]} nats (shares alone {record_table.iloc[0]["surprise"]})
LINE      0.200 for ischaemia: FPR {np.mean(alarm[~is_ischaemia]):.3f}, FNR {np.mean(~alarm[is_ischaemia]):.3f}
LISTS     {lists_table.loc["record and scan", "coverage"]} hold the truth, {length["record and scan"]:.3f} diagnoses each
WEAK FOR  {scans.classes[weakest]}: {by_kind[weakest]:.3f} of these lists hold the truth"""
print(card)
read_back = [float(x) for x in re.findall(r"\d+\.\d{3}|(?<=ON )\d+|\d+(?= with)", re.sub(r"\[.*?\]", "", card))]
given_to_truth = [p[range(m), y_test] for p in (p_both, np.tile(shares, (m, 1)))]
share_right = [(p.max(axis=1) == p[range(m), y_test]).sum() / m for p in (p_both, p_scan)]
sums = [len(test) / 4, (y_test == 1).sum(), *share_right, *(-np.log(g).sum() / m for g in given_to_truth), 0.2]
sums += [(p_both[y_test != 1, 1] >= 0.2).sum() / (y_test != 1).sum(), (p_both[y_test == 1, 1] < 0.2).sum() / (y_test == 1).sum()]
sums += [(given_to_truth[0] >= 1 - cut).sum() / m, (p_both >= 1 - cut).sum() / m, (p_both[y_test == weakest, weakest] >= 1 - cut).sum() / (y_test == weakest).sum()]
claim("all twelve numbers of the card are found again", len(read_back) == len(sums) == 12 and np.allclose(read_back, sums, atol=6e-4), len(read_back))

# %% [markdown]
# For a paper, TRIPOD+AI (Collins and others 2024) lists what belongs on such a card: who was asked, when, what was
# missing, how probabilities were checked, and for whom the model fails. CONSORT-AI (Liu and others 2020) asks the same
# of a trial, and in addition which version ran, who fed it, and what was done about its errors.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A rapid test has a likelihood ratio of 9. It is positive; you repeat it with the same swab, and it
# is positive again. May you multiply by 81?</summary>No. What made the first one wrong, a badly taken swab or another virus that cross-reacts, makes the second wrong as well. Given the disease, or its absence, the two are not
# independent. The second adds little: closer to 9 than to 81.</details>
#
# <details><summary>A yes/no model has the same AUC after temperature scaling, to the last digit. Was it for
# nothing?</summary>For the order of patients, yes; for a decision, no. A line at t, a sum of evidence and a net benefit
# all take the probability at its word. AUC cannot see any of that.</details>
#
# <details><summary>A vendor guarantees by conformal prediction that its lists hold the right diagnosis for 90 % of your
# patients. What do you ask?</summary>Whose patients promised, and how many: the guarantee is for people drawn from
# where they came from, and with n of them it spreads as (50.9) says. And how it is spread over diagnoses: nine of ten
# on average may be six of ten for infarcts.</details>
#
# ## In this notebook we ...
#
# - multiplied three signs and got 96 % where 49 was right, and computed the best that three signs allow,
# - held a model of the record against what the simulation itself knows,
# - listened to four slices in three ways, and found them worth fewer than two,
# - added two sources, a rule that nobody clearly beat, and lost one of them without being misled,
# - drew a line by its costs, kept a promise of coverage, and proved which equalities exclude each other,
# - saw five-year survival more than double in a world where nobody was helped.
#
# **Pitfalls**
# - Adding evidence of findings that share a cause. Here the order survived it; the probability did not.
# - Filling a missing source with an average. The model believes it.
# - An ECE without its number of patients; a net benefit without *everybody* and *nobody*.
# - A line or a temperature taken from the test part. A promise made with patients who also tuned.
#
# **Further reading**
# - Good, *Probability and the Weighing of Evidence* (1950). Goldstein and Simel, *Is this patient having a stroke?*
#   (JAMA 293, 2005).
# - Guo, Pleiss, Sun and Weinberger, *On calibration of modern neural networks* (ICML 2017). Neverova and others,
#   *ModDrop* (IEEE TPAMI 38, 2016).
# - Vickers and Elkin, *Decision curve analysis* (Medical Decision Making 26, 2006).
# - Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random World* (2005); Vovk, *Conditional validity of inductive
#   conformal predictors* (ACML 2012): the law (50.9).
# - Chouldechova, *Fair prediction with disparate impact* (Big Data 5, 2017).
# - Zelen and Feinleib, *On the theory of screening for chronic diseases* (Biometrika 56, 1969): (50.11).
# - Collins and others, *TRIPOD+AI statement* (BMJ 385, 2024); Liu and others, *CONSORT-AI* (Nature Medicine 26, 2020).
#
# **Next**: [what would have happened?](51_treatment_effects.ipynb)
