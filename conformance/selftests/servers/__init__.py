"""Miniature servers, each with one named behaviour, which prove the suite.

`behaviours.NAMED` holds them by name; `transport` brings them to a client, in the process or on a loopback socket.
By hand: `python -m conformance.selftests.servers NAME`.
"""
