"""The order: the graphs, what is kept of an interview, and the one door to them."""
