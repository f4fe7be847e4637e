"""A llama.cpp server with the suite's own models, for trying the suite without a server at hand."""
