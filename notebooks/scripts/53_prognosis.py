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
# # How long? Prognosis when the end has not been seen
#
# After this notebook you can
# - **estimate** survival from follow-ups that ended too early, and say what ignoring that costs,
# - **derive** Cox's partial likelihood, fit it by hand, and train networks on it,
# - **judge** a prognosis by order and by size, beside its strongest simple rivals, and
# - **recognise** three traps: competing events, immortal time, a score that depends on who left when.
#
# | needs | read | run | data |
# |---|---|---|---|
# | notebooks [12](12_gradient_descent.ipynb) and [14](14_medical_tables.ipynb) | 60 min | 60 s | simulated cohorts, two real ones in lifelines |
#
# A patient asks how likely it is to be alive in five years. You look at 4,000 patients before her. Many of them moved
# away or came late, and were followed for less than five years, alive when last seen. Count the deaths that were seen
# among all, and about 70 of 100 live. Leave out those who were lost, and about 60 do. Both are simple, both are in
# print every year, and **both are wrong**: it is two of three. The patients are simulated, so we know.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from medlib.lesson import check, claim, setup

rng = setup(seed=0)

import keras
from keras import ops
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.utils import concordance_index

from medlib.data import load
from medlib.metrics import score_table
from medlib.models import survival
from medlib.models.training import fit

# %% [markdown]
# `nature` makes patients: six measures between −1 and 1, a *log-risk* $\eta$ (Greek eta) that an effect makes of them,
# and the year of death. `follow` is the study: a patient leaves at random, after twelve years on average, or is still
# there when the study closes after ten. It returns how long each patient was followed, and whether that ended with
# death. One who was last seen alive is called *censored*.


# %%
def nature(n, effect, rng):
    """Measures (n, 6), log-risks (n,) and times of death in years (n,)."""
    x = rng.uniform(-1, 1, size=(n, 6))
    eta = effect(x)
    death = (rng.exponential(size=n) / (0.1 * np.exp(eta))) ** (1 / 1.3)
    return x, eta, death


def follow(death, rng, years=10.0, leave=12.0):
    """How long each patient was followed (n,), and whether the death was seen (n,)."""
    stop = np.minimum(rng.exponential(leave, len(death)), years)
    return np.minimum(death, stop), death <= stop


def linear(x):
    """An effect: the first measure harms, the second protects, four do nothing."""
    return 1.2 * x[:, 0] - 0.8 * x[:, 1]


# %%
x, eta, death = nature(4000, linear, rng)
time, event = follow(death, rng)
pd.DataFrame({"followed, years": time.round(1), "death seen": event, "truth": death.round(1)}).head(5)

# %% [markdown]
# Five patients of 4,000: where the death was seen, both times agree; where it was not, the truth is later than the
# follow-up. In life the last column is missing.
#
# ## 1. Who is still at risk
#
# Kaplan and Meier (1958) use each patient for as long as he was followed, and no longer. At the moment $t_i$ of a death
# count who is still there: $n_i$ patients *at risk*, of whom $d_i$ die. To be alive after $t$ is to survive every one of
# these moments:
#
# $$\hat S(t) = \prod_{t_i \le t} \left(1 - \frac{d_i}{n_i}\right) \tag{53.1}$$
#
# ### Your turn
#
# **53.1** Write it for one time `t`. `time` and `event` are arrays; several patients may die at the same moment. Who is
# censored at a moment counts as still at risk then.


# %%
def alive_at(time, event, t):
    """The share alive after t."""
    return ...  # your code


check("53.1", alive_at)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 53.1
def alive_at(time, event, t):
    """The share alive after t."""
    share = 1.0
    for moment in np.unique(time[event & (time <= t)]):
        at_risk = np.sum(time >= moment)
        deaths = np.sum((time == moment) & event)
        share *= 1 - deaths / at_risk
    return share


check("53.1", alive_at)

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (53.1): lifelines finds the same, on times rounded to half-years, so that many tie
rounded = np.ceil(2 * time[:300]) / 2
theirs = KaplanMeierFitter().fit(rounded, event[:300])
gaps = [alive_at(rounded, event[:300], t) - theirs.predict(t) for t in (0.2, 1.5, 3.7, 5, 9.9)]
claim("at five times the product is what lifelines computes", max(np.abs(gaps)) < 1e-9, gaps)
curve = survival.kaplan_meier(time, event)
by_hand = [alive_at(time, event, t) for t in (1, 4.2, 8)]
claim("survival.kaplan_meier gives the same, all times at once", np.allclose(by_hand, survival.step(curve, [1, 4.2, 8])), by_hand)

# %% tags=["hide-input"] jupyter={"source_hidden": true} mystnb={"image": {"alt": "Share alive against years, four curves. Truth and Kaplan-Meier lie on each other and reach one third at ten years. Deaths among all lies above, ending near one half. Without the lost lies below, ending near one fifth."}}
years = np.linspace(0.01, 9.9, 100)
truth = [np.mean(death > t) for t in years]
km = survival.step(curve, years)
counted = [1 - np.mean(event & (time <= t)) for t in years]
dropped = [np.mean(time > t) / np.mean((time > t) | (event & (time <= t))) for t in years]
fig, ax = plt.subplots()
ax.plot(years, truth, label="truth", color="0.6", linewidth=5, linestyle="-")
ax.plot(years, km, label="Kaplan-Meier", color="C0", linestyle="-")
ax.plot(years, counted, label="deaths seen, among all", color="C1", linestyle="--")
ax.plot(years, dropped, label="without those who were lost", color="C2", linestyle="-.")
ax.set(xlabel="years", ylabel="share alive", ylim=(0, 1), title="Simulated: 4,000 patients")
ax.legend()
plt.show()
five = np.argmin(np.abs(years - 5))
off = {name: line[five] - truth[five] for name, line in (("km", km), ("counted", counted), ("dropped", dropped))}
claim("at five years Kaplan-Meier is within .03 of the truth", abs(off["km"]) < 0.03, [km[five], truth[five]])
wrong = off["counted"] > 0.04 and off["dropped"] < -0.04
claim("deaths among all are too kind by .04 or more, and without the lost too harsh by as much", wrong, list(off.values()))

# %% [markdown]
# The curve of Kaplan and Meier lies on the truth. Deaths among all are too kind, because the deaths of those who left
# are not seen; leaving them out is too harsh, because the living leave, and the dead do not.
#
# **One condition.** Who leaves must be no sicker and no healthier than who stays. Suppose instead that those with the
# highest risk leave first, to a hospice say. Nothing in the data shows it, and no formula mends it.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
leaving = np.minimum(rng.exponential(10 * np.exp(-1.5 * eta)), 10)
informed = alive_at(np.minimum(death, leaving), death <= leaving, 5.0)
claim("when the sick leave first, Kaplan-Meier is too kind by .03 or more", informed - truth[five] > 0.03, [informed, truth[five]])

# %% [markdown]
# ## 2. Cox: who dies first
#
# Two patients differ. Cox (1972) writes the *hazard*, the rate of dying among those who are still alive, as
#
# $$h(t \mid x) = h_0(t)\, e^{\eta(x)}, \qquad S(t \mid x) = \exp\!\left(-H_0(t)\, e^{\eta(x)}\right),
# \qquad H_0(t) = \int_0^t h_0(s)\,ds \tag{53.2}$$
#
# The log-risk $\eta$ is usually linear in the measures, $\eta = w^\top x$, and $e^{w}$ is a *hazard ratio*: what one
# unit more does to the rate. The same ratio at all times, whatever the time: *proportional hazards*.

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (53.2): our nature follows it, with H₀(t) = 0.1 t^1.3; three risks and two times, 20,000 patients each
shares = []
for risk in (-1.0, 0.3, 1.2):
    lived = nature(20_000, lambda x, risk=risk: np.full(len(x), risk), rng)[2]
    for t in (2.0, 6.0):
        shares.append(np.mean(lived > t) - np.exp(-0.1 * t**1.3 * np.exp(risk)))
claim("six shares alive are the formula's, within .015", max(np.abs(shares)) < 0.015, shares)

# %% [markdown]
# How can one learn $w$ without knowing $h_0$? Ask a smaller question. A patient died at $t_i$. *Given that somebody of
# those at risk died then*, how likely was it this one? His hazard over the sum of theirs, and $h_0(t_i)$ cancels. The
# product over all deaths is the *partial likelihood*. As a loss, the mean over $n$ patients,
#
# $$\mathcal L = \frac1n \sum_{i\,:\,\text{death}} \Big( \log \sum_{j\,:\,t_j \ge t_i} e^{\eta_j} - \eta_i \Big)
# \tag{53.3}$$
#
# It is the cross-entropy of a classifier whose classes are the patients at risk. Those who are censored are never the
# answer, and always, while they were followed, among the choices.
#
# ### Your turn
#
# **53.2** Write (53.3).


# %%
def partial_loss(eta, time, event):
    """Equation (53.3): one number."""
    return ...  # your code


check("53.2", partial_loss)


# %% tags=["solution"] jupyter={"source_hidden": true}
# Solution 53.2
def partial_loss(eta, time, event):
    """Equation (53.3): one number."""
    total = 0.0
    for i in np.flatnonzero(event):
        at_risk = time >= time[i]
        total += np.log(np.sum(np.exp(eta[at_risk]))) - eta[i]
    return total / len(time)


check("53.2", partial_loss)

# %% [markdown]
# Its lowest point is found by any optimiser. We take the first 600 patients, and put lifelines beside it.

# %%
from scipy.optimize import minimize

few = slice(0, 600)


def loss_of(w):
    """The loss of 600 patients as a function of the six weights."""
    return partial_loss(x[few] @ w, time[few], event[few])


by_hand = minimize(loss_of, np.zeros(6)).x

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (53.3): the value and the lowest point, beside lifelines


def cox(x, time, event, penalizer=0.0):
    """The Cox model of lifelines; measures are named 0, 1, 2 ..."""
    table = pd.DataFrame(np.asarray(x)).assign(time=time, event=event)
    return CoxPHFitter(penalizer=penalizer).fit(table, "time", "event")


theirs = cox(x[few], time[few], event[few])
value = -600 * partial_loss(x[few] @ theirs.params_.to_numpy(), time[few], event[few])
claim("at their weights our loss is their log-likelihood", abs(value - theirs.log_likelihood_) < 1e-5, [value, theirs.log_likelihood_])
gap = np.abs(by_hand - theirs.params_).max()
claim("our lowest point is theirs, to .001", gap < 1e-3, gap)
true = np.array([1.2, -0.8, 0, 0, 0, 0])
error = theirs.standard_errors_.to_numpy()
claim("every weight is within four standard errors of the truth", np.all(np.abs(by_hand - true) < 4 * error), by_hand)
shown = pd.DataFrame({"truth": true, "by hand": by_hand, "lifelines": theirs.params_, "standard error": error}).round(3)
shown.rename_axis("measure")

# %% [markdown]
# Both columns of weights agree to three digits, and lie within a few standard errors (about .1) of the truth.
#
# A risk needs $H_0$, too. Breslow (1972) puts the deaths of each moment over the summed risk of those who might have
# died:
#
# $$\hat H_0(t) = \sum_{t_i \le t} \frac{d_i}{\sum_{j\,:\,t_j \ge t_i} e^{\eta_j}} \tag{53.4}$$

# %%
model = cox(x, time, event)
eta_hat = x @ model.params_.to_numpy()
base = survival.breslow(eta_hat, time, event)
patient = np.array([0.5, -0.5, 0, 0, 0, 0])  # high first measure, low second one
five_years = survival.survival_at(base, patient @ model.params_.to_numpy(), 5.0)
five_years

# %% tags=["hide-input"] jupyter={"source_hidden": true}
# Equation (53.4): beside the sum written out (times that tie), beside lifelines, and beside the truth
rounded, weight = np.ceil(2 * time[:200]) / 2, np.exp(eta[:200])
total = sum(1 / weight[rounded >= t].sum() for t in rounded[event[:200]] if t <= 4.0)
ours = survival.step(survival.breslow(eta[:200], rounded, event[:200]), 4.0, before=0.0)
claim("with ties it is the sum over deaths", abs(ours - total) < 1e-9, [ours, total])
risks = np.exp(model.predict_log_partial_hazard(pd.DataFrame(x[:3])) - x[:3] @ model.params_.to_numpy())
shifted = model.baseline_cumulative_hazard_.iloc[:, 0]
ours = survival.step(base, shifted.index.to_numpy(), before=0.0)
claim("with lifelines' centred measures it is theirs", np.allclose(ours, shifted * risks.iloc[0], rtol=1e-4), ours[-1])
true_five = np.exp(-0.1 * 5**1.3 * np.exp(linear(patient[None])[0]))
claim("this patient's five years are known within .04", abs(five_years - true_five) < 0.04, [float(five_years), true_five])

# %% [markdown]
# So this patient has about three chances in ten to live five years, where the average is two in three. That is a
# prognosis: a probability, a horizon, and a condition (nothing about her care changes).
