# %% [markdown]
# # 16.2 · A language model: where weights come from
#
# About 55 minutes · 2 GB of memory · no cluster
#
# A language model comes as a file of numbers that somebody else has trained. Here you look at that file before you
# use it: what it is, whose it is, and whether reading it runs anything. Then you let it read the passengers'
# messages, and see what it brings over counting words.
#
# You will
#
# 1. load weights only where they are **the bytes that were judged**, and without running anything (exercise 16.4);
# 2. sort messages by the **mean vector of each intent** (exercise 16.5), and say what that brings over counting words.
#
# Three times you **bet first**, in place of `None`. The cell below the bet compares.

# %%
import companion
import companion.scale

state = companion.workspace("16-2")
companion.scale.set_up()

# %% [markdown]
# ## 1. What was installed
#
# MiniLM is an **encoder**: it turns a text into a vector. It is small for a language model, it was made for
# sentences, and its weights come in a Python package. So the book's lock (`requirements-scale.txt`, the list of all
# packages with their sums) holds them like everything else. The package's folder:

# %%
from chapter_16 import weights

folder = weights.folder()
for path in sorted(path for path in folder.iterdir() if path.is_file()):
    print(f"{path.stat().st_size:12,} bytes  {path.name}")

# %% [markdown]
# One of these files is the model, another one cuts texts into pieces; the rest is small. Nothing in the folder is a
# program. There are two licences in play. The package has one, and what is inside has another one:

# %%
import importlib.metadata

about = importlib.metadata.metadata(weights.PACKAGE)
print("the package:", about["License-Expression"])
print((folder / "NOTICE").read_text())

# %% [markdown]
# A licence of a package says nothing about weights that somebody else made. `LICENSE` in the folder is the one that
# counts: Apache-2.0, which allows what this book does, with the notice kept. (Other weights have licences that forbid
# some uses, and some have none, which forbids all of them.)
#
# Who uploaded the package did not train the model. And what did those who trained it read?

# %%
import json

sources = json.loads((folder / "data_config.json").read_text())
print(
    f"{len(sources)} collections of texts, {sum(each['lines'] for each in sources):,} lines; the four largest:"
)
for each in sorted(sources, key=lambda each: -each["lines"])[:4]:
    print(f"{each['lines']:13,}  {each['name']}")

# %% [markdown]
# Read such a list twice. Once for what is in it: more than half are comments from Reddit, then come scientific papers,
# questions and answers; no letter to an airline's desk. And once for what you want to judge on. **A public test set
# may stand in the list**, and then a model has read the answers. Our messages were written for this book, and later.
#
# ## 2. The same bytes?
#
# Another package carries a model of the same name, by another uploader. It is not installed here (it brings PyTorch
# along, gigabytes of it); its sums were taken beforehand.
#
# **Bet first.** Two people packed "all-MiniLM-L6-v2", each for a purpose of their own. Are the files of the weights
# the same, byte for byte, or different?

# %%
my_bet = None  # "the same" or "different"

# %%
from flightdelay.files import sha256

ours = {name: sha256(folder / name) for name in weights.SUMS}
for name, found in ours.items():
    print(f"{name:18} {weights.PACKAGE}: {found[:16]}…")
    print(f"{'':18} {weights.ANOTHER_PACKAGE + ':':26} {weights.ANOTHER_SUMS[name][:16]}…")
companion.compare_bet(my_bet, "the same" if ours == weights.ANOTHER_SUMS else "different")

# %% [markdown]
# What does that prove? Not that the weights are good, nor that they are the makers': both may have copied from one
# place. It proves that neither of the two has changed a bit of what both took, so whoever wanted to slip something in
# would have had to do it before both. The makers publish the sum beside the file
# (the page of `sentence-transformers/all-MiniLM-L6-v2`, under its files); with a network, compare it. The comment in
# [`weights.py`](../chapters/16-a-language-model/weights.py) says how the other package's sums were taken.
#
# **From now on the sum is the version.** "MiniLM" is a name, like a tag of an image. Other bytes may give other
# vectors, and what has learned from the first ones may be worth nothing on the others. The name does not tell you;
# the sum does.
#
# ## 3. To read a file, or to run it
#
# For years weights came as *pickle* files (`.pkl`, `.pt`, `.bin`). A pickle is no list of numbers; it is a list of
# instructions for making objects, and one of them says: call this function. Here is one that calls `touch`, which
# makes an empty file. It could call anything.

# %%
import pickle
from pathlib import Path

trace = state / "i-was-here"


class Weights:
    """Looks like weights; whoever loads it makes a file."""

    def __reduce__(self):
        return Path.touch, (trace,)


written = (state / "weights.pkl").write_bytes(pickle.dumps(Weights()))

# %%
trace.unlink(missing_ok=True)
print("before loading, the file is there:", trace.exists())
loaded = pickle.loads((state / "weights.pkl").read_bytes())
print("after loading, the file is there: ", trace.exists())

# %% [markdown]
# Nobody called anything; the file was only loaded. (Chapter 02's store keeps models by skops for the same reason: it
# names what may be made, and refuses the rest.) **safetensors** is a format that cannot do it: eight bytes with a
# length, then a list of names, types, shapes and places, then numbers. Three lines of Python read the list:

# %%
with (folder / "model.safetensors").open("rb") as file:
    length = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(length))
for name in sorted(header)[-3:]:
    print(name, header[name])

# %% [markdown]
# ## Exercise 16.4: Only these bytes, and only numbers
#
# Write a function that is given the path of a file of weights and the SHA-256 sum that was judged, in hexadecimal. It
# compares the sum **before anything looks into the file**, and raises an error where it is another one. Else it returns
# the arrays by name, as `safetensors.numpy.load_file` does. Whatever the file is called and whatever is in it,
# **nothing in it is run**.


# %%
def answer(path, judged):
    """Return the weights of a file, or raise an error."""
    ### BEGIN SOLUTION
    import hashlib

    import safetensors.numpy

    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != judged:
        raise ValueError(f"{path} is not the file that was judged")
    return safetensors.numpy.load(content)
    ### END SOLUTION


# %%
from companion import check

check.ex_16_4(answer)

# %% [markdown]
# The book's own is `weights.load()`, and its sentences say what to do. Now the numbers may come in.

# %%
minilm = weights.load()
print(f"{len(minilm)} arrays, {sum(array.size for array in minilm.values()):,} numbers")
print("one vector for each of", len(minilm["embeddings.word_embeddings.weight"]), "pieces of words")

# %% [markdown]
# ## 4. From a text to a vector
#
# First a **tokenizer** cuts a text into pieces that the model knows. A frequent word is one piece; a rare one, or one
# with a mistake in it, is several. Counting throws away a word that it has not met; here a new word is kept, in pieces.

# %%
from chapter_16.encoder import encode, tokenizer

for text in ("My suitcase did not arrive.", "my suitcsae didnt arive", "Orlando to LGA, 1545"):
    print(tokenizer().encode(text).tokens)

# %% [markdown]
# `[CLS]` and `[SEP]` stand at the beginning and at the end, and `##` begins a piece that continues a word. Lost are
# capitals and accents, a sign that the model does not know (it becomes `[UNK]`), and what comes after 256 pieces.
#
# Then each piece becomes a vector of 384 numbers, and six **layers** follow. In each, every piece looks at all others
# and takes from them what it needs (*attention*), so that the vector of "case" becomes another one in "court case"
# than in "in any case". At the end the mean of all pieces is the vector of the text. The next cell shows all of it, in
# JAX, which is NumPy with gradients. You can go on without understanding each line.
# ([`encoder.py`](../chapters/16-a-language-model/encoder.py) has the rest.)

# %%
import inspect

from chapter_16 import encoder

print(inspect.getsource(encoder.forward).split('"""')[2])

# %% [markdown]
# All vectors have length one, so a product of two is their cosine: 1 where they point the same way, about 0 where
# they have nothing to do with each other.
#
# **Bet first.** *My suitcase did not arrive.* Which of these two is nearer to it?

# %%
my_bet = None  # "The luggage is missing." or "My suitcase did arrive."

# %%
asked, *others = "My suitcase did not arrive.", "The luggage is missing.", "My suitcase did arrive."
vectors = encode([asked, *others], minilm)
near = dict(zip(others, vectors[1:] @ vectors[0], strict=True))
for text, cosine in near.items():
    print(f"{cosine:.2f}  {text}")
companion.compare_bet(my_bet, max(near, key=near.get))

# %% [markdown]
# The sentence that says the contrary is nearer. It speaks of the same thing in nearly the same words, and whether the
# thing happened is a small part of a vector. "Messages of like meaning lie close to each other", says the chapter's
# page; that is true of what a message is *about*, and much less of what happened.
#
# ## 5. Class means
#
# Now all messages, once: each becomes a row of 384 numbers, and the encoder stands still (it is **frozen**). This
# takes a while.

# %%
import numpy as np
from chapter_16.mail import messages

learn, judge = messages("learn"), messages("judge")
of_learn, of_judge = (encode(list(part["text"]), minilm) for part in (learn, judge))
print(of_learn.shape, of_judge.shape)

# %% [markdown]
# The simplest thing that can be done with vectors: take the mean of each intent's examples, and give a new message to
# the intent whose mean is nearest. There is nothing to fit and nothing to tune.
#
# ## Exercise 16.5: The nearest mean
#
# Write a function that is given the `vectors` of messages (one row each, of length one), their `intents` in the same
# order, and the vectors that are `asked` about. It returns the intent of each of these: that whose mean vector has
# the **largest cosine** with it. A mean of vectors is shorter than one, the shorter the more its class is scattered:
# bring it back to length one.


# %%
def answer(vectors, intents, asked):
    """Return the intent of each vector that is asked about."""
    ### BEGIN SOLUTION
    intents = np.asarray(intents)
    names = np.unique(intents)
    means = np.stack([vectors[intents == name].mean(axis=0) for name in names])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return names[(asked @ means.T).argmax(axis=1)]
    ### END SOLUTION


# %%
check.ex_16_5(answer)

# %% [markdown]
# **Bet first.** Eight examples of each intent, drawn as in the first notebook, where counting words was right in
# about two of five cases. How many points (hundredths of the accuracy) do the class means of the frozen encoder
# bring?

# %%
my_bet = None  # "less than 10", "10 to 30" or "more than 30"


# %%
from chapter_16.counting import examples, model
from chapter_16.frozen import by_class_means, head


def right(drawn):
    """Return for each way of sorting which messages are told rightly, learned from these examples."""
    vectors, intents = of_learn[drawn.index], drawn["intent"]
    said = {
        "counting": model().fit(drawn["text"], intents).predict(judge["text"]),
        "class means": by_class_means(vectors, intents, of_judge),
        "logistic head": head().fit(vectors, intents).predict(of_judge),
    }
    return {way: (found == judge["intent"]).to_numpy().astype(int) for way, found in said.items()}


# %%
shown = {}
for of_each in (2, 8, 32):
    five = [right(examples(learn, of_each, seed)) for seed in range(5)]
    shown[of_each] = {way: np.mean([each[way] for each in five]) for way in five[0]}
    print(f"{of_each:2} of each:", ", ".join(f"{way} {share:.2f}" for way, share in shown[of_each].items()))
gain = 100 * (shown[8]["class means"] - shown[8]["counting"])
companion.compare_bet(my_bet, "less than 10" if gain < 10 else "10 to 30" if gain <= 30 else "more than 30")

# %% [markdown]
# The encoder knows from elsewhere what a few labels cannot tell: that luggage, bag and case belong together. With
# eight examples of each intent it is nearly where counting is with 32. The distance first grows, from 19 points at two
# examples to 25 at eight, and then shrinks, to 7 at 32. A logistic regression on the vectors is somewhat better than
# the means, and takes one line as well.
#
# ## 6. With all messages, and on the same messages
#
# With all 46 examples of each intent the three come nearer to each other. Two intervals that overlap say little about
# two models that were judged **on the same messages**: most of these are right in both. So draw messages anew, and
# look at the difference in each draw.

# %%
from chapter_16.frozen import interval

told = right(learn)
for way, each in told.items():
    print(f"{way:13}: accuracy {interval(each)}")
for one, other in (
    ("class means", "counting"),
    ("logistic head", "counting"),
    ("logistic head", "class means"),
):
    print(f"{one} over {other}: {interval(told[one] - told[other])}")

# %% [markdown]
# With all labels counting and the encoder cannot be told apart by these messages: an interval with 0 in it says so,
# whoever is ahead. The last line shows what the same messages are good for. The intervals of the class means and of
# the logistic head overlap widely, and yet the difference is above 0 in nearly all draws.
#
# Is a model of 23 million numbers worth nothing, then, where there are labels? That depends on the messages.
#
# ## 7. Where nothing is said twice
#
# The first notebook got another figure by cross-validation inside of the part to learn from, where its author says
# nothing twice. Take the encoder there, too.

# %%
from sklearn.model_selection import StratifiedKFold, cross_val_predict

five = StratifiedKFold(5, shuffle=True, random_state=0)
guessed = {
    "counting": cross_val_predict(model(), learn["text"], learn["intent"], cv=five),
    "logistic head": cross_val_predict(head(), of_learn, learn["intent"], cv=five),
}
inside = {way: (found == learn["intent"]).to_numpy().astype(int) for way, found in guessed.items()}
for way, each in inside.items():
    print(f"{way:13}: accuracy {interval(each)}")
print("logistic head over counting:", interval(inside["logistic head"] - inside["counting"]))
for one, other in (("baggage_lost", "baggage_damaged"), ("cancellation_refund", "refund_status")):
    for way, found in guessed.items():
        there, back = (learn["intent"] == one) & (found == other), (learn["intent"] == other) & (found == one)
        print(f"{one} and {other}, {way}: {there.sum() + back.sum()}")

# %% [markdown]
# No tie here. Inside of one part a held-out message shares fewer words with the others of its intent than across the
# parts. (16.1 counts it: there the most similar message, by runs of letters, is of the same intent for one in four, and
# across the parts for about one in two. Why it is so is likely and not proven.) Counting knows nothing but words; the
# encoder has met other words for the same, elsewhere. So the answer to "is it worth it?" is not one figure: **the
# encoder brings much where labels are few or where people say it in new words, and little where the same words come
# again.** Which of the two your mail is, you find out by reading it.
#
# The last lines count how many messages of two neighbours were taken for one another. With the encoder it is about half
# as many as by counting, for either pair, as it is for all mistakes: neighbours are as large a part of them as before.
# That a vector says little about what happened shows between two sentences with the same words; over whole messages the
# rest of the text helps.
#
# ## 8. Twins, found by the embeddings themselves
#
# The first notebook looked for twins by letters. Vectors find those that say the same in other words. Here are the
# three nearest pairs of a message to judge on and a message to learn from.

# %%
likeness = of_judge @ of_learn.T
nearest = likeness.max(axis=1)
for row in nearest.argsort()[::-1][:3]:
    print(f"{nearest[row]:.2f}  judge: {judge['text'][row][:90]}")
    print(f"      learn: {learn['text'][likeness[row].argmax()][:90]}")
print(f"likeness above 0.8: {(nearest > 0.8).sum()} of {len(judge)} messages to judge on")

# %% [markdown]
# Very near pairs are rare, three in 224: they are not what makes the tie of section 6.
#
# ## Recap
#
# 1. You loaded weights only where they are **the bytes that were judged**, from a format that runs nothing. The sum is
#    the version; the licence that counts is that of the weights.
# 2. You sorted messages by **class means** of a frozen encoder, and compared ways of sorting by their difference on the
#    same messages.
#
# ## Clean-up
#
# Everything lies in this notebook's folder of state, which git ignores. `make reset` removes it.
#
# ## What comes next
#
# So far the encoder stood still, and only what is behind it learned. [The third
# notebook](16-3-what-fine-tuning-buys.ipynb) lets it learn, too, and asks what that buys.
