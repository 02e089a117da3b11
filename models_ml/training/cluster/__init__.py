"""Training on a Dask cluster: each worker learns from its own rows, and all grow one model."""

from clickward.models_ml.training.cluster.connecting import Cluster, cluster_at
from clickward.models_ml.training.cluster.learner import OnCluster, learner_on

__all__ = ["Cluster", "OnCluster", "cluster_at", "learner_on"]
