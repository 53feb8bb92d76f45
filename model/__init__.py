"""What is served: the data, the models, the Seldon class, and the names under which they publish."""
