"""Tell intents apart by counting words: TF-IDF and a logistic regression."""

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline


def model() -> Pipeline:
    """Return the model, to be fitted on texts and their intents.

    Words and pairs of neighbours are counted; a word that many messages have weighs little. The settings are what one
    takes before one has seen a message, and were not tuned.
    """
    counts = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    return make_pipeline(counts, LogisticRegression(C=10, max_iter=2000))


def examples(messages: pd.DataFrame, of_each: int, seed: int) -> pd.DataFrame:
    """Return so many messages of each intent, drawn by a seed; with more of them the same ones and others."""
    return messages.sample(frac=1, random_state=seed).groupby("intent").head(of_each)
