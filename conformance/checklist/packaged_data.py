"""Where the data that the package carries lies, in a wheel and in a checkout alike."""

from __future__ import annotations

from pathlib import Path


def folder(name: str) -> Path:
    """Return the folder of packaged data of that name, such as `schemas`.

    A wheel carries it inside the package, a checkout beside the package. The one inside is preferred, since
    beside an installed package lies whatever else is installed. If there is neither, it is the path that a
    wheel would have, which does not exist.
    """
    package = Path(__file__).parents[1]
    places = (package / name, package.parent / name)
    return next((place for place in places if place.is_dir()), places[0])
