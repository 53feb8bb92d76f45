"""The local stack: what a SeldonDeployment describes, as real processes on 127.0.0.1."""
