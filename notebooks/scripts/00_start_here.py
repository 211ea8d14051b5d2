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
# # Start here: a first diagnosis in a minute
#
# After this notebook you can
# - **train** a first diagnostic model on the biopsies of 569 real patients,
# - **judge** it honestly: how good, how sure of that, and good for whom,
# - **use** this course: run a cell, trust a tick, try an exercise, find your way, and
# - **tell** that your computer is ready.
#
# | needs | read | run | data |
# |---|---|---|---|
# | school calculus, a little Python | 60 min | 30 s | real: 569 breast biopsies |
#
# Here is a diagnostic rule that is right for 63 of 100 patients. It needs no computer, no training and no data. It
# says "benign" to everyone, and it misses every cancer. Keep it in mind whenever somebody tells you an accuracy.
#
# Now you. **Click the grey cell below and press Shift + Enter.** It runs, and the next cell is selected. This first
# cell may take some seconds, the very first time half a minute: `[*]` beside a cell means that it is working, a
# number that it has finished. Go on like that down the page; your results replace the stored ones. (If a cell ends in
# a red message, [check your computer](#Check-your-computer).)

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.data import load
from medlib.lesson import check, claim, progress, setup

rng = setup(seed=0)
biopsies = load("breast_cancer")
biopsies

# %% [markdown]
# `setup` fixes where the computer's random numbers begin, so that your results are like ours. `load` fetches the
# data, and the line below the cell sums them up: 569 rows, one for each patient; in `x` 30 numbers a row; in `y` the
# diagnosis.
#
# ## 569 biopsies
#
# A patient has a lump in the breast. A thin needle draws out some cells, which are stained and looked at under a
# microscope: a *fine-needle aspirate*. In the early 1990s a clinic in Wisconsin put a video camera on the microscope.
# An operator traced the outline of each nucleus roughly, by hand; a program refined it and took ten measures, of
# size, texture and shape. Their mean, their standard error and their *worst* value (the mean of the three largest)
# make 30 numbers for each patient.
#
# Here are two of the 30: how large the largest nuclei are, and how dented.

# %% mystnb={"image": {"alt": "Scatter plot of 569 biopsies: worst radius of the nuclei against worst concave points. Benign dots gather at the lower left, malignant crosses at the upper right, and the two mix in a band between."}}
fig, ax = plt.subplots()
for kind, marker in enumerate("ox"):
    group = biopsies[biopsies.y == kind].frame
    radius, dents = group["worst radius"], group["worst concave points"]
    ax.scatter(radius, dents, s=16, marker=marker, alpha=0.7)
ax.legend(["benign (357)", "malignant (212)"])
ax.set(xlabel="worst radius (unit not stated in the file)", title="569 patients")
ax.set(ylabel="worst concave points (no unit)")
plt.show()

# %% [markdown]
# Malignant nuclei tend to be larger and more dented. Two clouds, and a band where they mix.
#
# First, the rule that says "benign" to everyone. A line that begins with ✓ is a sentence that the cell has just
# checked on your computer; in square brackets stands the number that it looked at.

# %%
always_benign = np.zeros(len(biopsies))
accuracy = np.mean(always_benign == biopsies.y)
right = abs(accuracy - 0.627) < 0.001
claim("the rule that looks at nobody is right for 62.7 of 100", right, accuracy)

# %% [markdown]
# ## The first model
#
# A model must be judged on patients that it has never seen. So we divide them, before anything else: one part to
# **train** on, one to take decisions with (**validation**), and one that has no say in anything (**test**). A study
# opens its test part once, at the end. We shall look into ours more often, to learn, and decide nothing by it. No
# patient is in two parts. Here that is easy, as each patient gave one biopsy; in later notebooks it will take care.
#
# `split` draws the parts with a seed of its own. Everybody who reads this page has the same 142 test patients, and
# what we say about *them* holds for this division of the 569. Such a tick begins with "in this division".

# %%
train, val, test = biopsies.split()
parts = {"train": train, "validation": val, "test": test}
counts = {name: [len(part), part.y.sum()] for name, part in parts.items()}
pd.DataFrame(counts, index=["patients", "malignant"]).T

# %% [markdown]
# 341 patients to train on, 86 for decisions and 142 for the test; each part holds the same share of malignant biopsies.
#
# An area in the hundreds would drown a dent in the hundredths. So every column is *standardised*: subtract its mean
# $\mu$, divide by its standard deviation $\sigma$. Both are part of the model, so both come from the training
# patients alone.

# %%
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(train.x)
x_train, x_val, x_test = (scaler.transform(part.x) for part in (train, val, test))
claim("the training columns have mean 0", np.allclose(x_train.mean(axis=0), 0))
off = abs(x_test.mean(axis=0)).max()
claim("in this division the largest test mean is not", 0.05 < off < 0.5, off)

# %% [markdown]
# The model is *logistic regression*, and medicine has used it for half a century. Each of the 30 measures in $x$ gets a
# weight in $w$. Each measure is multiplied by its weight, and all products are added up, which is written $w \cdot x$.
# That sum, plus a constant $b$, is squeezed into a probability of cancer, $\hat y$:
#
# $$\hat y = \frac{1}{1 + e^{-(w \cdot x + b)}} \tag{0.1}$$
#
# Training means: find the $w$ and $b$ that make the training labels likely. scikit-learn also pulls all weights a
# little towards 0 (an *L2 penalty* on $w \cdot w$), which keeps them from growing on chance findings. It pulls at each
# weight alike, and that is fair only when the columns share a scale. Training takes one line.

# %%
from sklearn.linear_model import LogisticRegression

logistic = LogisticRegression().fit(x_train, train.y)
p_logistic = logistic.predict_proba(x_test)[:, 1]

# %% [markdown]
# That was it: you have trained a diagnostic model, and it has an opinion on 142 patients whom it has never met. Is it
# really equation (0.1)?

# %%
# Equation (0.1): the formula by hand against the library
w, b = logistic.coef_[0], logistic.intercept_[0]
by_hand = 1 / (1 + np.exp(-(x_test @ w + b)))
same = np.allclose(by_hand, p_logistic)
claim("the library's probabilities are those of the formula", same)
claim("the model is 31 numbers", w.size + np.size(b) == 31, w.size + np.size(b))

# %% [markdown]
# ### How good is it?
#
# Take one patient whose biopsy is malignant and one whose biopsy is benign. How often does the model give the first
# one the higher probability? That share, over all such pairs, is the **AUC**, the *area under the ROC curve*. With
# $\hat y_i$ of the $n_1$ malignant and $\hat y_j$ of the $n_0$ benign biopsies (a tie would count one half; there are
# no ties here):
#
# $$\mathrm{AUC} = \frac{1}{n_1 n_0} \sum_{i} \sum_{j} \big[\, \hat y_i > \hat y_j \,\big] \tag{0.2}$$
#
# The bracket $[\,\cdot\,]$ is 1 where the statement in it is true, and 0 where it is false. A coin has AUC .5. A
# perfect model has AUC 1.

# %%
# Equation (0.2): counting pairs against the library's area
from sklearn.metrics import roc_auc_score

wins = p_logistic[test.y == 1][:, None] > p_logistic[test.y == 0]
auc = roc_auc_score(test.y, p_logistic)
same = abs(wins.mean() - auc) < 1e-12
claim("the share of pairs in the right order is the area", same, auc)
wrong = np.mean(~wins)
claim("in this division fewer than one pair in fifty is wrong", wrong < 1 / 50, wrong)

# %% [markdown]
# The AUC is .98: of a hundred such pairs, two are in the wrong order.

# %% [markdown]
# ## How a page of this course works
#
# **A tick is a promise.** A line that begins with ✓ is something that this course *claims*. If it were false, the
# cell would stop with a red message, *this claim does not hold*, and *Run All* would go no further. The course's own
# tests run every cell of every page and fail at a false tick. When you have run a page, it has been checked on your
# own computer. Try it: change the `0.627` above into `0.7`, run that cell, and read the message. Then put it back and
# run it again.
#
# **Every numbered formula has a twin**: a cell that begins `# Equation (...)` and would fail if the formula were
# wrong.
#
# **An exercise** is a cell with three dots in it. Replace the dots, run the cell, and `check` answers: not attempted,
# not yet (with a hint), or passed. The solution is folded away below it; click the bar with the dots to open it. Try
# first. A wrong answer breaks nothing.
#
# **To start again** at any time: menu *Kernel*, *Restart Kernel and Run All Cells*. To stop a long cell: the square
# button.
#
# ### Your turn: a warm-up
#
# **0.1** How many of the 569 biopsies were malignant? You can read it above, or count: `biopsies.y` holds a 1 for
# every malignant biopsy and a 0 for every benign one.

# %%
malignant = ...  # your answer, a whole number
check("0.1", malignant)

# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 0.1
malignant = np.sum(biopsies.y == 1)
check("0.1", malignant)

# %% [markdown]
# Enough for today? Then [check your computer](#Check-your-computer) and look at [the map](#The-map). The rest of this
# page asks how good the model really is, and for whom.
#
# ## Is a network better?
#
# Here is a small neural network: eight units that each look at all 30 measures, and one that looks at the eight. What
# happens inside is the matter of [notebook 11](11_back_propagation.ipynb).
#
# It goes through the training patients again and again (one pass is an *epoch*) and changes its numbers a little
# each time. The validation part says when to stop: when five epochs have brought nothing new, we go back to the best
# one.

# %%
import keras

from medlib.models.training import fit

eight = keras.layers.Dense(8, activation="relu")
one = keras.layers.Dense(1, activation="sigmoid")
network = keras.Sequential([keras.Input((30,)), eight, one])
network.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
patience = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
watch = {"validation_data": (x_val, val.y), "callbacks": [patience]}
history = fit(network, x_train, train.y, epochs=50, **watch)
p_network = network.predict(x_test, verbose=0)[:, 0].astype(float)
claim("the network has learnt 257 numbers", network.count_params() == 257)

# %% [markdown]
# Both models have now given their opinion on the same 142 test patients; neither was trained on any of them. (Not quite
# a fair race: the network used the 86 validation patients to choose its epoch; logistic regression took the library's
# default penalty.) Each mark is a patient; where it lies says what the two think. Most marks lie on top of each other
# in the two corners, where both are sure.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Probability of cancer for each of 142 test patients, logistic regression against network. Nearly all lie on top of each other in two corners, benign dots near 0 and malignant crosses near 1 for both models. A few lie between, and a few crosses lie on the benign side for both."}} tags=["hide-input"]
fig, ax = plt.subplots(figsize=(5.9, 4.4))
for kind, marker in enumerate("ox"):
    place = p_logistic[test.y == kind], p_network[test.y == kind]
    ax.scatter(*place, marker=marker, alpha=(0.5, 1)[kind], s=28, zorder=3 + kind)
ax.axhline(0.5, color="0.5", linestyle=":")
ax.axvline(0.5, color="0.5", linestyle=":")
ax.legend(["benign", "malignant"], loc="upper left", bbox_to_anchor=(1, 1))
ax.set(xlabel="probability of cancer: logistic regression", ylabel="probability of cancer: network")
ax.set(title="142 test patients, two opinions")
plt.show()
agree = np.mean((p_logistic >= 0.5) == (p_network >= 0.5))
claim("in this division the two models call at least 94 of 100 patients the same", agree >= 0.94, agree)
missed_twice = np.sum((test.y == 1) & (p_logistic < 0.5) & (p_network < 0.5))
claim("in this division at least two malignant biopsies look benign to both", missed_twice >= 2, missed_twice)

# %% [markdown]
# They agree on nearly everyone. Three malignant biopsies look benign to both, and for one of them both say nearly 0:
# sure, and wrong. Now the scores. Say "cancer" when the probability is at least one half. **Sensitivity** is the share
# of the cancers that are found; **specificity** is the share of the benign lumps that are left in peace. Behind each
# number stands its 95 % interval: the range of values that so few patients leave open.

# %%
from medlib.metrics import bootstrap, diagnostic, proportion

opinions = {"logistic regression": p_logistic, "network": p_network}
scores = {name: diagnostic(test.y, p) for name, p in opinions.items()}
pd.DataFrame(scores).loc[["auc", "sensitivity", "specificity"]].astype(str)

# %% [markdown]
# Both find about 50 of the 53 cancers, and leave all but a few of the 89 benign lumps in peace. **Read the brackets,
# not the digits.** The intervals of the two models overlap in every row. That alone settles nothing. But both judged the same patients, so we can ask more sharply: draw 142 patients with replacement a thousand
# times, and look at the *difference* of the two AUCs each time. That is a paired bootstrap.


# %%
def difference(y, p):
    """AUC of the second column of p minus AUC of the first, on the same patients."""
    return roc_auc_score(y, p[:, 1]) - roc_auc_score(y, p[:, 0])


gain = bootstrap(difference, test.y, np.column_stack([p_logistic, p_network]))
near_zero = gain.low < 0.005 and gain.high > -0.005
claim("in this division the two AUCs differ by less than .015", abs(gain.value) < 0.015)
claim("and its interval holds 0, or comes within .005 of it", near_zero, gain)

# %% [markdown]
# The difference is .004, and its interval runs from just below 0 to .013: no winner.
#
# ## A ceiling, and luck
#
# How much does a score move when other patients are drawn, to train on and to test on? Divide all 569 into five
# parts, test on each part a model trained on the other four, and do that for ten random divisions: 50 scores of one
# and the same method. (Four parts of five are a third more patients to train on than above. That helps a little.)

# %%
from sklearn.model_selection import RepeatedStratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline

quick = LogisticRegression(solver="newton-cholesky")  # the quick one for few columns
method = make_pipeline(StandardScaler(), quick)
draw = int(rng.integers(1000))
folds = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=draw)
scoring = ["roc_auc", "accuracy"]
repeated = cross_validate(method, biopsies.x, biopsies.y, cv=folds, scoring=scoring)
aucs = repeated["test_roc_auc"]

# %% jupyter={"source_hidden": true} tags=["hide-input"]
claim("the mean of 50 AUCs lies between .993 and .997", 0.993 < aucs.mean() < 0.997, aucs.mean())
claim("the standard deviation of the 50 AUCs is .004 to .008", 0.004 < aucs.std() < 0.008, aucs.std())
below = np.sum(aucs < auc)
claim("our test part is a hard one: at most six of the 50 scores lie below its own", below <= 6, f"{below} of 50")

# %% [markdown]
# The 50 AUCs have a mean of .995 and a standard deviation of .006. Our test part is a hard one: only four of the 50 lie
# below its score. (`make_pipeline` standardises anew each time, on the four parts alone.)
#
# For comparison we take *one* of the 30 columns: the larger, the more suspicious. Which one? The one that does best on
# the training part, for the test part has no say.

# %%
columns = train.frame.items()
alone = pd.Series({name: roc_auc_score(train.y, column) for name, column in columns})
best = alone.idxmax()
claim("the best column is the worst perimeter", best == "worst perimeter", alone[best])
column = test.frame[best].to_numpy()
one_column = bootstrap(roc_auc_score, test.y, column)
lead = bootstrap(difference, test.y, np.column_stack([column, p_logistic]))

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "AUC on a scale from 0.93 to 1. Fifty dots of the logistic regression spread from about 0.975 to 1. Below them, on our test part, three points with 95 percent intervals that overlap: logistic regression, network, and one column alone, the last one lower and wider."}} tags=["hide-input"]
bars = {name: score["auc"] for name, score in scores.items()} | {"one column alone": one_column}
fig, ax = plt.subplots(figsize=(6.4, 2.8))
ax.scatter(aucs, rng.uniform(-0.2, 0.2, aucs.size), s=14, alpha=0.5, color="C0")
for place, score in enumerate(bars.values(), 1):
    ax.errorbar(score.value, place, xerr=[[score.value - score.low], [score.high - score.value]], fmt="o", capsize=3)
ax.set_yticks(range(4), ["logistic regression,\n50 other test parts", *bars])
ax.set(xlabel="AUC (95 % interval)", ylim=(3.5, -0.5), title="Overlapping bars, and still not equal")
plt.show()
claim("in this division the one column alone reaches at least .95", one_column.value > 0.95, one_column)
overlap = one_column.high > bars["logistic regression"].low
claim("its bar overlaps with that of logistic regression", overlap, [one_column.high, bars["logistic regression"].low])
claim("and yet the interval of logistic minus one column lies above 0", lead.low > 0, lead)

# %% [markdown]
# Three bars that overlap, and two different answers. **Bars that overlap are no proof of a draw.** Each bar holds the
# luck of who was drawn. A difficult patient is difficult for every model, so in the difference much of that luck
# cancels; only the paired difference answers. It says that logistic regression is better than its best column, though
# that column gets most of the way. And network against logistic regression? **These data cannot say.** (One start of
# the network, too, is one draw.) Whoever ranks those two by the third digit ranks dice. On images, sequences and text
# this course asks anew whether a deep network earns its keep.
#
# Two experiments. Change `seed=0` in the first cell, run all, and see which of the two is ahead: the network starts
# from other numbers. Or write `biopsies.split(seed=1)`, and other patients are tested. Then a tick about particular
# patients may go red: it spoke of this division.
#
# Scores so near the ceiling are nothing new here. In 1994 the makers of the data reported an accuracy of 97 % by
# cross-validation, and no mistake on 54 new patients (Wolberg, Street and Mangasarian). That sounds better than it is:
# the 95 % interval of 54 of 54 begins at .934, so it can happen to a method that is right for 94 % of its patients.

# %%
accuracy = repeated["test_accuracy"].mean()
claim("today our accuracy is 97 to 98.5 %", 0.97 < accuracy < 0.985, accuracy)
print("54 of 54:", proportion(54, 54))

# %% [markdown]
# ## What accuracy hides
#
# In this clinic 37 % of the lumps were malignant, because a needle is used only where something was felt or seen.
# That share is the **prevalence**, and it changes from place to place. Among people who come to a breast screening it
# is below 1 %. There, the rule that says "benign" to everyone is right for more than 99 %.
#
# A patient whose test is positive asks something else: *how likely is it that I have cancer?* That is the **positive
# predictive value** (PPV). Among many people, a share of *prevalence × sensitivity* have cancer and are found; *(1 −
# prevalence) × (1 − specificity)* have none and are frightened. So (this is Bayes' theorem)
#
# $$\mathrm{PPV} = \frac{\text{sensitivity} \cdot \text{prevalence}}
# {\text{sensitivity} \cdot \text{prevalence} + (1 - \text{specificity}) (1 - \text{prevalence})} \tag{0.3}$$


# %%
def ppv(sensitivity, specificity, prevalence):
    """The share of positive tests that are right, equation (0.3)."""
    found = sensitivity * prevalence
    frightened = (1 - specificity) * (1 - prevalence)
    return found / (found + frightened)


# %% [markdown]
# Does it give what is counted in the world? 1.7 million screening mammograms in the United States had a sensitivity
# of 86.9 % and a specificity of 88.9 %. In every 1,000 there were 5.1 cancers found and 0.8 missed. And of all
# positive mammograms 4.4 % were right (Lehman and others, 2017). That last number is not in the formula. It must come
# out of it.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
# Equation (0.3): against 1.7 million mammograms, and against a count among our own test patients
screening = (5.1 + 0.8) / 1000
published = ppv(0.869, 0.889, screening)
claim("the formula gives the published 4.4 %", abs(published - 0.044) < 0.001, published)

sens, spec, counted = (scores["logistic regression"][name] for name in ("sensitivity", "specificity", "ppv"))
formula = ppv(sens.value, spec.value, test.y.mean())
claim("among our test patients it gives the share that we count", abs(formula - counted.value) < 1e-9, formula)

# %% [markdown]
# Now a thought experiment, since nobody would put a needle into everyone who comes to a screening: we take our model
# to places with other prevalences, and suppose that its sensitivity and specificity travel with it.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Positive predictive value against prevalence on a logarithmic axis, with a wide band. It rises from below 0.1 at a prevalence of 0.1 percent to above 0.9 at the clinic's 37 percent; at the prevalence of screening, 0.6 percent, it is about 0.14."}} tags=["hide-input"]
prevalence = np.geomspace(0.001, 0.5)
fig, ax = plt.subplots()
ax.fill_between(
    prevalence, ppv(sens.low, spec.low, prevalence), ppv(sens.high, spec.high, prevalence), alpha=0.2, color="C0"
)
ax.semilogx(prevalence, ppv(sens.value, spec.value, prevalence))
for place, share in {"screening": screening, "this clinic": biopsies.y.mean()}.items():
    ax.axvline(share, color="0.3", linestyle=":")
    ax.text(share * 0.94, 0.5, place, rotation=90, ha="right", va="center")
ax.set(xlabel="prevalence", ylabel="PPV", ylim=(0, 1.02), title="One test, many meanings")
ax.set_xticks([0.001, 0.01, 0.1, 0.5], ["0.1 %", "1 %", "10 %", "50 %"])
plt.show()

here, there = ppv(sens.low, spec.low, biopsies.y.mean()), ppv(sens.high, spec.high, screening)
claim("in this clinic most positives are cancers, even at the lower edge of the band", here > 0.5, here)
claim("at a screening most would be false alarms, even at the upper edge of the band", there < 0.5, there)

# %% [markdown]
# In this clinic some 94 of 100 positive tests are right; at a screening about 14 would be. The model has not changed.
# The patients have. The band runs from both intervals at their lower ends to both at their upper ends: 142 patients
# leave that much open. What we claim must hold at its edges.
#
# ### Your turn
#
# **0.2** A patient whose test is *negative* asks: how likely is it that I do not have cancer? That is the negative
# predictive value (NPV). Write it down in the way of (0.3).


# %%
def npv(sensitivity, specificity, prevalence):
    """The share of negative tests that are right."""
    return ...  # your formula


check("0.2", npv)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 0.2
def npv(sensitivity, specificity, prevalence):
    """The share of negative tests that are right."""
    reassured = specificity * (1 - prevalence)
    missed = (1 - sensitivity) * prevalence
    return reassured / (reassured + missed)


check("0.2", npv)

# %% [markdown]
# ## Where to draw the line
#
# Why one half? Because nobody asked. A model gives probabilities; at which of them somebody acts is a *decision*.
# Here it is between taking more tissue and a follow-up visit. Move the line down and fewer cancers are
# missed, at the price of more false alarms. To see the bargain we need many patients whom the model has not been
# trained on, and the test part must stay out of it. So we divide the training part by five and let each fifth be
# judged by a model of the other four.


# %%
from sklearn.model_selection import cross_val_predict


def errors(y, p, line):
    """Cancers missed, and false alarms raised, when p >= line is called cancer."""
    return np.sum((p < line) & (y == 1)), np.sum((p >= line) & (y == 0))


both = cross_val_predict(method, train.x, train.y, cv=5, method="predict_proba")
p_train = both[:, 1]
lines = np.linspace(0.01, 0.99, 99)
missed, alarms = np.transpose([errors(train.y, p_train, line) for line in lines])

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "Two curves over the threshold from 0 to 1, among 341 training patients. Missed cancers rise from none to about thirty; false alarms fall from about sixty to none, steeply at first. They cross near 0.45."}} tags=["hide-input"]
fig, ax = plt.subplots()
ax.step(lines, missed, label=f"cancers missed (of {train.y.sum()})", where="mid")
ax.step(lines, alarms, label=f"false alarms (of {np.sum(train.y == 0)})", where="mid")
ax.set(xlabel="threshold: call it cancer from this probability on", ylabel="patients", title="Every line has its price")
ax.legend()
plt.show()

# %% [markdown]
# From left to right fewer people with a benign lump are alarmed and more cancers are missed. At one half some six of
# 127 cancers are missed, at .1 only one or two, for about twenty false alarms more.

# %% jupyter={"source_hidden": true} tags=["hide-input"]
(missed_half, alarms_half), (missed_tenth, alarms_tenth) = (errors(train.y, p_train, line) for line in (0.5, 0.1))
gained, paid = missed_half - missed_tenth, alarms_tenth - alarms_half
fewer = f"{missed_half} to {missed_tenth} missed"
claim("in this division going from .5 to .1 finds at least three cancers more", gained >= 3, fewer)
claim("and costs a dozen false alarms or more", paid >= 12, f"{alarms_half} to {alarms_tenth}")

# %% [markdown]
# A cautious team may well take .1. On the test patients the same bargain reads:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
n_ill, n_well = test.y.sum(), np.sum(test.y == 0)
price = {line: np.array(errors(test.y, p_logistic, line)) for line in (0.5, 0.1)}
gained, paid = (price[0.1] - price[0.5]) * [-1, 1]
claim("in this division the test part: one cancer more is found, of 53", gained == 1 and n_ill == 53, proportion(gained, n_ill))
claim("and ten more false alarms among the 89 others", paid == 10 and n_well == 89, proportion(paid, n_well))
table = {
    f"threshold {line}": [str(proportion(n_ill - lost, n_ill)), str(proportion(n_well - alarm, n_well))]
    for line, (lost, alarm) in price.items()
}
pd.DataFrame(table, index=["sensitivity", "specificity"]).T

# %% [markdown]
# One more of 53 is found, and ten of 89 are alarmed for it. Both thresholds judge the same patients, so look at those
# who change sides: the share gained lies between .003 and .099. 53 cancers are too few to price a threshold. In the
# larger training part it was about five found, and twenty alarmed.
#
# How many false alarms is a missed cancer worth? That number is not in the data, and no network can learn it.
# Patients, physicians and those who write guidelines weigh it. Our part is to show them the price of each line, with
# intervals.
#
# One more lesson, and we picked it because it happened. On the validation part the line at one half misses nobody:

# %% jupyter={"source_hidden": true} tags=["hide-input"]
val_found = np.sum(logistic.predict_proba(x_val)[val.y == 1, 1] >= 0.5)
on_val = proportion(val_found, val.y.sum())
claim("in this division all 32 cancers of the validation part are found", val_found == val.y.sum() == 32, on_val)
claim("on the test part some are missed, as the interval had warned", on_val.low < sens.value < 1, sens)

# %% [markdown]
# "32 of 32" sounded perfect. Its interval began below 90 %.
#
# ### Your turn
#
# **0.3** A clinic says: *find at least 95 of 100 cancers, and then disturb as few others as you can.* Write a
# function that takes labels `y`, probabilities `p` and the wanted sensitivity `target`. It returns the **highest**
# threshold among the values in `p` at which the share of malignant cases with `p >= threshold` is at least `target`.


# %%
def threshold_for(y, p, target):
    """The highest threshold that keeps the sensitivity at or above the target."""
    return ...  # your code


check("0.3", threshold_for)


# %% jupyter={"source_hidden": true} tags=["solution"]
# Solution 0.3
def threshold_for(y, p, target):
    """The highest threshold that keeps the sensitivity at or above the target."""
    return max(line for line in p if np.mean(p[y == 1] >= line) >= target)


check("0.3", threshold_for)

# %% [markdown]
# ## What these patients cannot tell us
#
# One clinic, more than 30 years ago. A lump was there, and somebody had decided to use a needle: this is not a
# screening population. The outlines began with a hand whose owner saw the whole picture. Age, ethnicity and history
# are not in the file. A model for today's patients would begin with today's patients, and be tried in another
# hospital before anyone trusted it.
#
# ## Three questions
#
# Answer aloud, then open.
#
# <details><summary>A press release says: "Our network detects the disease with 98 % accuracy." What do you ask
# first?</summary>The prevalence. If 2 of 100 people in the study have the disease, the rule that calls everyone
# healthy has 98 % accuracy and finds nobody. Then: sensitivity and specificity with their intervals, on which
# patients, and whether any of them was also in the training part.</details>
#
# <details><summary>Your test has sensitivity and specificity of 95 % each. It moves from a clinic where 40 % are ill
# to a population where 1 % are. What happens to its PPV?</summary>It falls from about 93 % to about 16 %. By (0.3),
# 0.95 × 0.01 are found, and 0.05 × 0.99 are frightened: five false alarms for each case that is found. Sensitivity
# and specificity may be the same as ever.</details>
#
# <details><summary>Model A has AUC .991 on 142 patients, model B .988 on the same ones. A colleague wants to publish
# that A is better. What do you say?</summary>Look at the paired difference and its interval. On a data set like this
# one the draw of the patients alone moves an AUC by about .006 (one standard deviation). A difference of .003 says
# nothing until its interval, and better still a second data set, says so too. That the bars of A and B overlap would
# settle nothing.</details>
#
# ## Check your computer
#
# Did the very first cell of this page fail with *No module named medlib*? Then the notebook runs in another Python:
# close it, and start with `make lab` in the course's folder. Otherwise run the next cell.
#
# Each line should begin with `[OK]`. A line with `[FAIL]` is followed by an arrow and a remedy. A line with `[--]`
# could not be measured on your system, and you may pass it over.

# %%
from medlib import environment

ready = environment.report()

# %% [markdown]
# **Something is wrong, or a page is?** Open an issue where you got this course. Give the number of the notebook, the
# cell, the last line of the red message, and the lines above: they name neither you nor your folders.
#
# ## The map
#
# A square is an exercise, filled when you have passed it. Your progress is kept in your own data folder on this
# computer and goes nowhere else. *Run All* runs the folded solutions too and fills their squares: this is a map, not
# an examination.

# %% jupyter={"source_hidden": true} mystnb={"image": {"alt": "A row of numbered squares for each notebook that has exercises; the squares of this notebook are filled, the others are empty."}} tags=["hide-input"]
progress()
plt.show()

# %% [markdown]
# The notebooks with a link can be opened today. The others are being written; their numbers will not change.
#
# | part | notebook | what it teaches |
# |---|---|---|
# | **start** | 00 this page | a first model, how the course works, the map |
# | **1 foundations** | [10 large models](10_large_models.ipynb) | what "large" means: a real language model, opened |
# | | [11 back-propagation](11_back_propagation.ipynb) | every slope of a network at once, from scratch, proved |
# | | [12 gradient descent](12_gradient_descent.ipynb) | how large a step may be, momentum, Adam, rivals |
# | | [13 medical images](13_medical_images.ipynb) | how a CT comes to be, and how it arrives |
# | | [14 medical tables](14_medical_tables.ipynb) | units, missing values, several sites, leakage, splits by patient |
# | | [15 image diagnosis](15_image_diagnosis.ipynb) | six steps to a diagnosis from head CT with a network |
# | | [16 scaling](16_scaling.ipynb) | what more data and more parameters bring, measured and forecast |
# | | [17 adaptation](17_adaptation.ipynb) | three ways to adapt a large model, beside seven words and a forecast |
# | | [18 MRI and volumes](18_mri_and_volumes.ipynb) | which side is left, how large a lesion is, and twins in a collection |
# | **2 adversarial models** | [20 the objective of a GAN](20_gan_objective.ipynb) | the game of two networks, and why it is hard to play |
# | | [21 images from a GAN](21_gan_images.ipynb) | lesions drawn to order, and how to measure drawings |
# | | [22 judging images](22_judging_images.ipynb) | what each score sees, and which frauds it praises |
# | **3 variational models** | [30 the loss of a VAE](30_vae_loss.ipynb) | latent variables, and the bound that trains them |
# | | [31 images from a VAE](31_vae_images.ipynb) | generate, interpolate, look inside |
# | | [32 anomalies](32_anomalies.ipynb) | a model of the healthy, against the strongest simple rivals |
# | **4 sequences and text** | [40 sequence models](40_sequence_models.ipynb) | heart rhythms, and the course of a disease |
# | | [41 a VAE of sequences](41_sequence_vae.ipynb) | heartbeats drawn, judged and repaired |
# | | [42 case reports](42_case_reports.ipynb) | language models beside the exact limit, and a reader of facts |
# | | [43 reports from images](43_reports_from_images.ipynb) | a scan in, a report out, every fact checked |
# | | [44 text VAE](44_text_vae.ipynb) | case reports from a code: how it collapses, what treats it, and what a count of words knows |
# | | [45 sound and speech](45_sound_and_speech.ipynb) | heart sounds read, and sound written down without an alignment |
# | **5 applications** | [50 diagnosis](50_diagnosis.ipynb) | history, laboratory and image together; calibration, decisions |
# | | [51 treatment effects](51_treatment_effects.ipynb) | the effect of a therapy, which is not its outcome |
# | | [52 genes and drugs](52_genes_and_drugs.ipynb) | from a genome to a dose, and discoveries that are none |
# | | [53 prognosis](53_prognosis.ipynb) | risk, survival, progression |
# | | [54 judging a prognosis](54_judging_a_prognosis.ipynb) | whether its risks are true, and how an old model is moved to new patients |
# | **6 challenges** | 60 scarce data | several sites, augmentation, synthetic data honestly tested |
# | | 61 newer models | diffusion, attention, self-supervision |
# | | 62 compute, 63 many machines | faster, smaller, on several machines |
# | | 64 new settings | another hospital, another scanner, another year |
# | | 65 security, 66 privacy | attacks, differential privacy, federated learning |
# | **9 appendix** | 90 an article repaired | formulas and listings that fail, and why |
# | | 91 questions answered | each answer with evidence, computed on the spot |
#
# A good way: 11, 12, 15, then what you need. The pictures of the later notebooks are **simulated** head scans, made
# so that the truth about each of them is known; they are called simulated wherever they appear.
#
# ## Notation
#
# Come back when a symbol is in your way. A letter with two meanings is named where it is used.
#
# | symbol | meaning | first used in |
# |---|---|---|
# | $x$, $y$, $\hat y$ | input, label, prediction | 00 |
# | $n$, $d$ | number of examples, of dimensions | 00, 21 |
# | $w$, $b$ | weights and constant (bias) of a single unit | 00 |
# | $\mu$, $\sigma^2$, $\sigma$ | mean, variance, standard deviation | 00 |
# | $\theta$ | all parameters of a model | 11 |
# | $W_l$, $b_l$ | weight matrix and bias of layer $l = 1, \dots, L$ | 11 |
# | $a_l = W_l h_{l-1} + b_l$ | pre-activation of layer $l$ | 11 |
# | $h_l = \sigma_l(a_l)$ | activation of layer $l$, with activation function $\sigma_l$; $h_0 = x$ | 11 |
# | $\delta_l = \partial \ell / \partial a_l$ | the message that back-propagation carries | 11 |
# | $\ell$, $\mathcal L$ | loss of one example, mean loss | 11 |
# | $g$, $\alpha$ | gradient, step size (learning rate) | 12 |
# | $H$ | Hessian: the second derivatives of the loss | 12 |
# | $\lambda$; $L$, $\mu$, $\kappa = L/\mu$ | eigenvalue of $H$; largest, smallest, their ratio (condition number) | 12 |
# | $\beta$; $\beta_1$, $\beta_2$ | momentum; the two of Adam | 12 |
# | $m$, $v$ | Adam's running means, of the gradient and of its square | 12 |
# | $B$ | number of examples in a mini-batch | 12 |
# | $\xi$ | noise of a gradient: standard normal in 12 | 12 |
# | $z$ | latent variable | 20 |
# | $G$, $D$, $V$ | generator, discriminator, value of their game | 20 |
# | $p_\text{data}$, $p_g$ | density of the data, of what is generated | 20 |
# | $\gamma$ | weight of R1, the penalty on a discriminator's slope | 20 |
# | $c$ | wish: what a generator is asked for (the condition) | 21 |
# | $\phi$ | parameters of an encoder | 30 |
# | $\varepsilon$ | standard normal noise | 30 |
# | $\log \sigma^2$ | log-variance, which is neither $\sigma^2$ nor $\sigma$ | 30 |
# | $\beta$ | weight of the KL term in a $\beta$-VAE | 30 |
# | $\tau^2$ | variance of the noise that a decoder adds | 30 |
#
# ## What this course is not
#
# It is teaching material. **It is not a medical device, and nothing in it is medical advice.** No model trained here
# is fit to be used on a patient. Data of real people come from published sets without names; treat them with respect
# all the same. If you have a question about your own health, ask a physician.

# %% [markdown]
# ### In this notebook we ...
#
# - trained a logistic regression and a small network on the biopsies of real patients, and judged both on patients
#   whom they had not seen,
# - put an interval behind every score, and found that these data cannot rank the two, but that bars which overlap are
#   no proof of a draw,
# - saw what prevalence does to a positive result, and that a threshold is a decision, not a result, and
# - learnt how a page of this course works, and how to check the computer.
#
# **Pitfalls**
# - An accuracy without the prevalence says nothing. Begin with the rule that always says "benign".
# - Standardising with all patients tells the model about the test part. So does anything else that is "fitted".
# - One test part is one draw. Report an interval, and compare models by their difference on the same patients.
# - In scikit-learn's own copy of these data 0 is malignant and 1 is benign. Here it is the other way round. Look at
#   the coding before you trust a sensitivity.
#
# **Further reading**
# - Street, Wolberg and Mangasarian, *Nuclear feature extraction for breast tumor diagnosis*, SPIE 1905 (1993) 861:
#   how the measures were made. Wolberg, Street and Mangasarian, Cancer Letters 77 (1994) 163: the 54 new patients.
#   The data are in the UCI Machine Learning Repository, CC BY 4.0, and come with scikit-learn. `print(biopsies.card)`
#   tells more.
# - Lehman and others, *National performance benchmarks for modern screening digital mammography*, Radiology 283
#   (2017) 49: the 1.7 million mammograms.
# - Altman and Bland, *Diagnostic tests 1* to *3*, BMJ 308 (1994) 1552, 309 (1994) 102 and 309 (1994) 188:
#   sensitivity, predictive values and ROC curves on one page each.
#
# **Next**: [how a network finds its slopes](11_back_propagation.ipynb).
