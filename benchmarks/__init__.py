"""What the service costs beside the model, measured from outside: `make bench`."""
