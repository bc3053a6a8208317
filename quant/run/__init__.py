"""How a model runs: one pass over whole windows, and token after token, each by the fastest way that it has."""
