"""How likely is a wrong verdict by luck? Upper bounds, from the probabilities of the model's own tokens.

Rules whose requests are sampled can go wrong by luck: a text sampled at temperature 2 may equal the greedy one, two
texts sampled alike may be equal. This asks llama.cpp's native API for the likeliest tokens after a prompt and after
each beginning of an answer, computes what a server's sampler makes of them, and prints for each rule what would have
to happen and how likely that is at most.

How the bounds are derived:

- Only the tokens that a server's sampler keeps can come. llama.cpp cuts to the 40 likeliest, to a share of 0.95, and
  to those at least 0.05 times as likely as the first, all before it applies the temperature; Ollama cuts to the 40
  likeliest. Both make equal texts more likely than sampling from the whole vocabulary would. `SAMPLERS` has the
  settings; the probabilities computed here are compared with those that the server itself tells.
- That a text equals a given one: the sum over all ways to spell it in tokens of the product of their probabilities.
- That a text continues another that was sampled alike: the tree of answers is cut into branches, the likeliest split
  first; the two texts must lie in the same branch, or in branches of which one's text begins with the other's. The
  sum over those pairs of branches of the product of their probabilities is an upper bound, whatever lies below the
  cut, and falls with every split; it is split until the bound is low enough. Nothing is estimated from samples.
- The server computes beginnings that it has in its cache with other rounding: that may move a bound by some per cent.

    python benchmarks/chance.py                                   the embedded server
    python benchmarks/chance.py --base-url http://127.0.0.1:8080  a llama.cpp server with the suite's model
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from sampling import Branch, Experiment, Model, Prefix, Sampler, continues, says_nothing

from conformance.probes.endpoints import CONTROL_TOKENS, Chat, Completions
from conformance.probes.text_generation import SAMPLED_CHOICES
from conformance.probes.token_choice import MAX_TEMPERATURE, SEEDED_SAMPLING

LIMIT = 1e-5
"""Below which a rule's bound must be: a report has hundreds of rows, and is made every day."""

COOL = 0.8
"""What a server that ignores `temperature` is taken to sample at, at the least: llama.cpp's and Ollama's default."""

SAMPLERS = (
    Sampler(name="llama.cpp", top_k=40, top_p=0.95, min_p=0.05, frames_completions=False),
    Sampler(name="Ollama", top_k=40, top_p=1.0, min_p=0.0, frames_completions=True),
)
"""llama.cpp's defaults as `/props` shows them; Ollama's as its OpenAI routes set them (`openai.go`, v0.24.0)."""


@dataclass(frozen=True, kw_only=True)
class Bound:
    """What would have to happen for a verdict to be wrong, and how likely that is at most."""

    rows: str
    verdict: str
    """What would be said by luck."""
    event: str
    chance: float
    each: tuple[float, ...]
    """What the bound is made of: a probability for each prompt."""
    holds: bool = True
    """Whether the rule is so; False for what a simpler rule would come to."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An endpoint's prompts on a server that samples in some way."""

    model: Model
    sampler: Sampler
    prompts: tuple[Prefix, ...]
    splits: int

    def experiments(self, settings: Mapping[str, Any]) -> list[Experiment]:
        """Return the experiments with each prompt, at a `temperature` and of `max_tokens`."""
        temperature, limit = settings["temperature"], settings["max_tokens"]
        return [
            Experiment(model=self.model, sampler=self.sampler, prompt=each, temperature=temperature, limit=limit)
            for each in self.prompts
        ]

    def trees(self, settings: Mapping[str, Any], goal: float, *, shortest: int = 1) -> list[list[Branch]]:
        """Return the tree of answers to each prompt."""
        return [each.branches(goal, self.splits, shortest=shortest) for each in self.experiments(settings)]

    def check(self) -> None:
        """See that the server's own sampler comes to the probabilities that are computed here.

        Raises:
            ValueError: it does not: `SAMPLERS` is wrong, or this is no llama.cpp.
        """
        for prompt, temperature in itertools.product(self.prompts, (SEEDED_SAMPLING["temperature"], MAX_TEMPERATURE)):
            if self.model.differs(prompt, self.sampler, temperature):
                raise ValueError(f"the server does not sample as {self.sampler.name} is taken to")


def hot_texts(subject: Subject) -> Iterator[Bound]:
    """Yield what text at the highest temperature does by luck: come out greedy."""
    hot = subject.experiments({"temperature": MAX_TEMPERATURE, "max_tokens": CONTROL_TOKENS})
    equal = tuple(each.equals(each.greedy()) for each in hot)
    event = "texts at temperature 2 are the greedy ones, on three prompts"
    yield Bound(rows="temperature", verdict="ignored", event=event, chance=some_of(equal, 3), each=equal)
    event = "texts at temperature 2 are the greedy ones on two prompts, where top_p is not read"
    yield Bound(rows="top_p", verdict="supported", event=event, chance=some_of(equal, 2), each=equal)
    event = "a text at temperature 2 is the greedy one, on one prompt"
    yield Bound(rows="temperature, top_p", verdict="inconclusive", event=event, chance=some_of(equal, 1), each=equal)


def seeds(subject: Subject) -> Iterator[Bound]:
    """Yield what texts sampled under a seed that is not read do by luck: repeat."""
    filling = SEEDED_SAMPLING["max_tokens"]  # characters: one for each token
    trees = subject.trees(SEEDED_SAMPLING, 1.2e-3, shortest=filling)
    for shortest in (filling, 0):
        repeated = tuple(continues(tree, shortest=shortest) for tree in trees)
        event = f"texts of {shortest} characters or more repeat on two prompts, where seed is not read"
        yield Bound(
            rows="seed",
            verdict="supported",
            event=event,
            chance=some_of(repeated, 2),
            each=repeated,
            holds=shortest > 0,
        )


def choices(subject: Subject) -> Iterator[Bound]:
    """Yield what choices that were sampled one by one do by luck: look like copies."""
    trees = subject.trees(SAMPLED_CHOICES, 0.01)
    silent = [says_nothing(tree) for tree in trees]
    equal = [continues(tree, shortest=1) for tree in trees]
    two, *_ = (2 * none + same for none, same in zip(silent, equal, strict=True))
    _, *three = (3 * none**2 + 3 * none * same + same for none, same in zip(silent, equal, strict=True))
    event = "2, 3, 3 and 3 choices of four prompts are copies, or one alone says anything"
    yield Bound(rows="n", verdict="inconclusive", event=event, chance=two * math.prod(three), each=(two, *three))
    event = "2 and 3 choices of two prompts are copies, or one alone says anything"
    yield Bound(
        rows="n", verdict="inconclusive", event=event, chance=two * three[0], each=(two, three[0]), holds=False
    )


def best_texts(subject: Subject) -> Iterator[Bound]:
    """Yield what the texts that `best_of` chooses among do by luck: end before their one token, and count nothing."""
    firsts = subject.experiments({"temperature": 1, "max_tokens": 1})[:2]
    silent = [sum(part.probability for part in each.split(Branch(probability=1.0)) if part.ended) for each in firsts]
    four = tuple(4 * none**3 for none in silent)
    event = "of 4 texts 3 end at once, on two prompts, so that they count no more than one token"
    yield Bound(rows="best_of", verdict="ignored", event=event, chance=math.prod(four), each=four)
    three = tuple(3 * none**2 for none in silent)
    event = "of 3 texts 2 end at once, on one of two prompts"
    yield Bound(rows="best_of", verdict="ignored", event=event, chance=sum(three), each=three, holds=False)


def controls(subject: Subject) -> Iterator[Bound]:
    """Yield what the controls of a server that samples in spite of temperature 0 do by luck: repeat."""
    repeated = tuple(
        continues(tree, shortest=1)
        for tree in subject.trees({"temperature": COOL, "max_tokens": CONTROL_TOKENS}, 0.01)
    )
    for count in (2, 3):
        event = f"controls sampled at {COOL} in spite of temperature 0 repeat on {count} prompts"
        yield Bound(
            rows=f"those with {count} steady prompts",
            verdict="any",
            event=event,
            chance=some_of(repeated, count),
            each=repeated,
            holds=count == 3,
        )


RULES = (hot_texts, seeds, choices, best_texts, controls)


def some_of(chances: Sequence[float], count: int) -> float:
    """Bound the probability that so many of the prompts, whichever, have luck: the spare may stand in for one."""
    return sum(math.prod(some) for some in itertools.combinations(chances, count))


@contextmanager
def server(base_url: str | None) -> Iterator[str]:
    """Return the root of llama.cpp's native API: of the server named, or of the embedded one."""
    if base_url is not None:
        yield urlunsplit(urlsplit(base_url)._replace(path=""))
        return
    from conformance.targets.embedded.server import start

    with start(progress=print) as embedded:
        yield urlunsplit(urlsplit(embedded.base_url)._replace(path=""))


def subjects(model: Model, splits: int) -> Iterator[Subject]:
    """Yield the endpoints on the servers."""
    for sampler, endpoint in itertools.product(SAMPLERS, (Chat, Completions)):
        framed = endpoint is Chat or sampler.frames_completions
        prompts = tuple(model.prefix(model.framed(each) if framed else each) for each in endpoint.prompts)
        print(f"\n{endpoint.name}, sampled as by {sampler.name}", flush=True)
        yield Subject(model=model, sampler=sampler, prompts=prompts, splits=splits)


def main() -> int:
    """Print the bounds; 1 when a rule's own is not below `LIMIT`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base-url", help="a llama.cpp server; the embedded one is started where none is named")
    parser.add_argument("--splits", type=int, default=1500, help="of a prompt's tree of answers, at most")
    options = parser.parse_args()
    worst: dict[str, float] = defaultdict(float)
    with server(options.base_url) as root, httpx.Client(base_url=root, timeout=300) as client:
        model = Model(client=client)
        for subject in subjects(model, options.splits):
            subject.check()
            for bound in itertools.chain.from_iterable(ask(subject) for ask in RULES):
                each = ", ".join(f"{chance:.1e}" for chance in bound.each)
                simpler = "" if bound.holds else "  not the rule: "
                print(
                    f"{bound.chance:9.1e}  {simpler}{bound.rows} {bound.verdict}: {bound.event} ({each})", flush=True
                )
                if bound.holds:
                    worst[bound.rows] = max(worst[bound.rows], bound.chance)
        print(f"\nat most, after {model.requests} requests:")
    for rows, chance in worst.items():
        print(f"{chance:9.1e}  {rows}")
    return 0 if max(worst.values()) < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
