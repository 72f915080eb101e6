"""Wrong evidence for the exercises of chapter 10: symptoms taken for causes, guesses, whole outputs.

Wrong mends, right ones in other styles and right evidence need a cluster, live or recorded: `chapter_10.mends`, which
tests/test_labs.py tries.
"""

PASTED = "\n".join(f"line {number} of an output that was pasted as a whole" for number in range(40))
GUESSES = ["it does not work", "the cluster is too slow", PASTED, "", 42, {"cause": "network"}]

WRONG = {
    "ex_10_1": [
        "ImagePullBackOff",
        "ErrImagePull",
        "Back-off pulling image",
        "the registry is down",
        "dial tcp: lookup registry-1.docker.io on 172.18.0.1:53: no such host",
        *GUESSES,
    ],
    "ex_10_2": [
        "PYTHONPATH",
        "value: /app/src of PYTHONPATH",
        "CrashLoopBackOff",
        "Back-off restarting failed container serve",
        "Exit Code: 1",
        *GUESSES,
    ],
    "ex_10_3": [
        "137",
        "Exit Code: 137",
        "BackoffLimitExceeded",
        "the Job failed",
        "Error",
        "the year has too many flights",
        "read 2013-05: 137915 flights in memory",
        *GUESSES,
    ],
    "ex_10_4": ["Pending", "FailedScheduling", "0/1 nodes are available", "the node is gone", *GUESSES],
    "ex_10_5": [
        "Pending",
        "pod has unbound immediate PersistentVolumeClaims",
        'persistentvolumeclaim "store" not found',
        "the disk is full",
        *GUESSES,
    ],
    "ex_10_6": [
        "patch",
        "patch configmaps",
        "Forbidden",
        "403",
        "it is Running but hangs",
        "it needs cluster-admin",
        *GUESSES,
    ],
    "ex_10_7": ["endpoints <none>", "no endpoints available for service predictions", "503", *GUESSES],
    "ex_10_8": [
        "late means more than 0 minutes",
        "the old number",
        "pipelines-for-humans/late-share:1",
        "pipelines-for-humans/late-share:build-18",
        "18: built with LATE_AFTER=15, named late-share:1 and late-share:build-18",
        "imageID: docker.io/library/import-2026-11-25@sha256:d297de531a55812444f3649e5788b6dc",
        "the colleague did not build it",
        *GUESSES,
    ],
    "ex_10_9": [
        "Completed",
        "the predictions are from last month",
        "the Job is green",
        "published: 758 flights to call about",
        "September",
        *GUESSES,
    ],
    "ex_10_10": ["CreateContainerConfigError", "Pending", "a config error", *GUESSES],
}
