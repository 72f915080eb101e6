"""A recorded cluster: what a real one was seen to do, served as a Kubernetes API that a real kubectl talks to.

- `objects` compares Kubernetes objects by what they mean;
- `patches` says what a change would make of an object;
- `recording` reads and writes what was recorded;
- `world` is the cluster as the reader has brought it so far;
- `rights` says who may do what, from the recorded roles;
- `tables` makes the tables that ``kubectl get`` prints;
- `server` answers on loopback.

It never pretends: a change that no recording holds is refused in one sentence.
"""
