"""A SeldonDeployment: a file comes in; frozen values or one line of refusal go out.

deployment         `Deployment` and its reader
schema             the keys that the CRD knows
webhook            what a cluster's admission would refuse
runnable           what the local stack cannot run
cluster_settings   annotations of Seldon's and settings of the orchestrator that only a cluster obeys
"""
