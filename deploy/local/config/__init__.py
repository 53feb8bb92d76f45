"""What is to run: a deployment, an image map and ports come in; processes and configuration files go out, as values.

images           the image map
plan             the processes of a deployment
ports            free ports that stay ours
binaries         the programs Envoy and Prometheus
envoy            the ingress's configuration
prometheus       Prometheus' configuration
assembly         all of a stack as values
replica_record   a replica as the state file has it
"""
