"""Rules that every answer of a run keeps: schemas, semantics, streams, errors."""
