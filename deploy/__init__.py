"""Deploying: the manifests, and the local stack that runs them as real processes."""
