"""openai-conformance: which fields of the OpenAI API a server honours, refuses, or silently ignores."""

__version__ = "0.4.0"
