"""How we ask: exchanges as frozen data, and the only network code."""
