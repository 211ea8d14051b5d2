"""What left notebook 31: Parzen windows as a likelihood for models that only draw, and resampling rare codes.

For the page that deals with the article. Code and prose stand as they were; the formulas are numbered A.1 and A.2 here.
Running the file checks every claim again.
"""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.special import logsumexp

from medlib.lesson import claim

rng = np.random.default_rng(0)

# %% [markdown]
# A GAN only draws. What is sometimes done instead of a likelihood is to set a small normal hill of width $s$, a *Parzen
# window*, on each of $n$ drawings $\tilde x_i$ of $d$ pixels (Theis, van den Oord and Bethge, ICLR 2016, on why not):
#
# $$\log \hat p(x) = \log \frac1n \sum_{i=1}^{n} \exp\Bigl(-\frac{|x - \tilde x_i|^2}{2 s^2}\Bigr)
# - \frac d2 \log(2\pi s^2) \tag{A.1}$$


# %%
def parzen(squares, pixels, s):
    """-log p of images in nats; squares: (images, drawn), their squared distances; s: the width of a hill."""
    hills = logsumexp(-squares / (2 * s**2), axis=1) - np.log(squares.shape[1])
    return pixels / 2 * np.log(2 * np.pi * s**2) - hills


# Equation (A.1): in one dimension, where the answer is known
drawn, fresh = rng.normal(size=(5000, 1)), rng.normal(size=(700, 1))
error = np.mean(parzen((fresh - drawn.T) ** 2, 1, 0.1) + stats.norm().logpdf(fresh[:, 0]))
claim("5000 drawings of one number give its density", abs(error) < 0.03, error)

# %% [markdown]
# In a thousand pixels the nearest hill is always far, blurred drawings lie near everything, and drawings that look most
# like scans come out far behind.
#
# A group that is *rare* in training can be drawn more often without group labels (Amini and others, AIES 2019). With
# $\hat q_k$ the histogram of latent $k$ over the encoder's means $z_i$, and a small $\alpha$ that keeps a nearly empty
# bin from ruling, the paper multiplies over the latents; a teaching laboratory's code takes the maximum:
#
# $$w_i \propto \max_k \frac{1}{\hat q_k(z_{ik}) + \alpha} \tag{A.2}$$


# %%
def rarity(z, alpha=0.02, bins=12, join=np.max):
    """A weight for each row of z, shape (n, q): large where one of its latents is rare; they sum to 1."""
    each = np.empty(z.shape)
    for k, column in enumerate(z.T):
        counts, edges = np.histogram(column, bins)
        place = np.clip(np.digitize(column, edges) - 1, 0, bins - 1)
        each[:, k] = 1 / (counts[place] / len(z) + alpha)
    weight = join(each, axis=1)
    return weight / weight.sum()


# Equation (A.2): two latents by hand; the product of the paper is another rule; one latent without α becomes flat
codes = np.array([[0, 0], [0, 1], [0, 1], [1, 1]])  # shares 3/4 and 1/4, then 1/4 and 3/4
four = rarity(codes, alpha=0.1, bins=2)
claim("the rarer of the latents decides", np.allclose(four / four[1], [0.85 / 0.35, 1, 1, 0.85 / 0.35]), four)
product = rarity(np.column_stack([codes, [0, 0, 1, 1]]), alpha=0.1, bins=2, join=np.prod)
claim("the product is another rule", not np.allclose(product, rarity(np.column_stack([codes, [0, 0, 1, 1]]), 0.1, 2)))
one = rng.normal(size=(5000, 1))
weighted, _ = np.histogram(one[:, 0], 12, weights=rarity(one, alpha=0))
filled = weighted[weighted > 0]  # at the ends a bin may be empty
claim("every bin gets the same share", len(filled) > 8 and np.allclose(filled, filled.mean()), filled)
