"""Who we ask: the only place that knows a server by its name."""
