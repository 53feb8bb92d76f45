"""Deploying: the manifests, and the local stack that runs them as real processes.

    bootstrap   ``.venv`` and foreign programs, from nothing but ``python3`` and a network
    manifest    a SeldonDeployment, read and checked
    local       the local stack: what a manifest describes, as processes on 127.0.0.1

Beside the code: ``seldon/`` (the manifests), ``kubernetes/`` (kustomize), ``image/``, ``prometheus/`` (rules),
``ci/`` (a job for GitHub, one for GitLab).
"""
