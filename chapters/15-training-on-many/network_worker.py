"""One rank of `NetworkOnMany`."""

import os
import sys
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

EPOCHS, BATCH, RATE, MOMENTUM = 3, 512, 0.02, 0.9
rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
if world_size > 1:
    jax.config.update("jax_cpu_collectives_implementation", "gloo")
    jax.distributed.initialize(sys.argv[1], world_size, rank)
# One device for each process: what is dealt by rows lies on all, what is the same lies on each.
ring = Mesh(np.array(jax.devices()), ("rows",))
dealt, same = NamedSharding(ring, PartitionSpec("rows")), NamedSharding(ring, PartitionSpec())


def begin(columns):
    """Return the layers of an untrained network: weights and biases, one after the other."""
    random, sizes = np.random.default_rng(0), [columns, 32, 16, 1]
    drawn = [(random.normal(0, np.sqrt(2 / a), (a, b)), np.zeros(b)) for a, b in pairwise(sizes)]
    return [part.astype(np.float32) for layer in drawn for part in layer]


def loss(layers, X, late):
    """Return the log loss: a mean over all rows, wherever they lie."""
    for weights, bias in zip(layers[::2], layers[1::2], strict=True):
        out = X @ weights + bias
        X = jax.nn.relu(out)
    return jnp.mean(jnp.logaddexp(0, out[:, 0]) - late * out[:, 0])


@jax.jit
def step(layers, velocity, X, late):
    """Take one step; the all-reduce of the gradient is put in by the compiler, because `loss` is a mean."""
    slopes = jax.grad(loss)(layers, X, late)
    velocity = [MOMENTUM * old - RATE * slope for old, slope in zip(velocity, slopes, strict=True)]
    return [layer + moved for layer, moved in zip(layers, velocity, strict=True)], velocity


with np.load("rows.npz") as table:
    X, late = table["X"].astype(np.float32), table["late"].astype(np.float32)
layers = jax.device_put(begin(X.shape[1]), same)
velocity = [jnp.zeros_like(layer) for layer in layers]
for epoch in range(EPOCHS):
    order = np.random.default_rng(epoch).permutation(len(late))  # one seed for all ranks (exercise 15.2)
    for begins in range(0, len(order) - BATCH + 1, BATCH):
        mine = order[begins : begins + BATCH][rank::world_size]
        batch = [jax.make_array_from_process_local_data(dealt, part[mine]) for part in (X, late)]
        layers, velocity = step(layers, velocity, *batch)
if rank == 0:
    np.savez("model.npz", *[np.asarray(layer.addressable_data(0)) for layer in layers])
