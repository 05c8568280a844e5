"""What the tests share: the stub, the way to it, the models, the comparison of requests."""
