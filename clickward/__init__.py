"""clickward: a feature store and models against mobile ad fraud, on ClickHouse.

The packages here are the folders beside this one: `clickward.warehouse` is `warehouse/`.
"""

import os
import sys

from clickward.renamed import Renamed

# Threads that wait for work sleep; by default they spin, which next to other work on the machine
# takes most of its time. OpenMP and OpenBLAS read this once, when they load, so it stands where
# every import of ours begins. Variables that are set already win.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2^4 cycles: the least it takes

sys.meta_path.insert(0, Renamed())
