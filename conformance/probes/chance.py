"""How likely a verdict is to be wrong by luck: a statement for each kind of experiment, which rows name.

A statement begins with a bound or with `deterministic`, and says why. The bounds are products of the probabilities
that the suite's own model gives to tokens; `python benchmarks/chance.py` derives them.
"""

from __future__ import annotations

HOTTEST_OF_THREE = (
    "below 1e-5: at most, one of three texts at temperature 2 equals the greedy one and leaves the row "
    "inconclusive (below 4e-6); a wrong `ignored` needs all three (below 1e-18), or rounding that on four prompts "
    "looks like a seed (below 1e-6); a wrong `supported` needs a server that ignores the field and repeats three "
    "texts sampled at 0.8 or more (below 3e-6). Products of token probabilities: `python benchmarks/chance.py`."
)
HOTTEST_OF_TWO = (
    "below 1e-5: at most, one of two texts at temperature 2 equals the greedy one and leaves the row "
    "inconclusive (below 4e-6); a wrong `supported` needs both (below 1e-11), and a wrong `ignored` cannot come: "
    "where the field is read, one token alone is left to sample. Products of token probabilities: "
    "`python benchmarks/chance.py`."
)
SEEDED = (
    "below 1e-5: where the seed is not read, texts of 16 tokens at temperature 1.2 must repeat by luck on two "
    "prompts of three; texts that end at once do not count. Bounded over the tree of all answers by their "
    "token probabilities: `python benchmarks/chance.py`. A seed that is read gives the same texts in every "
    "run."
)
AS_SEED = "below 1e-5: follows from the row of the field `seed`, and has its bound."
CHOICES_COUNTED = (
    "below 1e-5: the choices are counted, which luck cannot change. Only `inconclusive` can come by luck: "
    "where choices sampled at temperature 1 are equal, or all but one are empty, on four prompts. Bounded by "
    "their token probabilities: `python benchmarks/chance.py`."
)
AS_CHOICES = "below 1e-5: follows from the rows without and with stream, and is wrong by luck where one of them is."
TEXTS_COUNTED = (
    "below 1e-5: one text of at most one token cannot count two, so that `supported` cannot come by luck; a "
    "wrong `ignored` needs three texts of four that end at once, on two prompts. A product of token "
    "probabilities: `python benchmarks/chance.py`."
)
GREEDY_TEXT = (
    "deterministic: texts at temperature 0 are compared, and these are not sampled; each control is asked "
    "twice, and counts as far as both are equal. Rounding may change what comes after, and decides nothing."
)
GREEDY_MEDIA = (
    "deterministic: texts at temperature 0 are compared, and these are not sampled; the same picture, sound "
    "or file is asked about twice, and where the two answers differ the row is inconclusive."
)
GREEDY_ANSWER = (
    "deterministic: answers at temperature 0 are compared, and these are not sampled. Whether the server "
    "keeps to temperature 0 is told by the row `chat/fields/temperature`."
)
GREEDY_OR_STATUS = (
    "deterministic: answers at temperature 0, which are not sampled, are compared; where they do not show the "
    "effect, the statuses of the answers to a valid value and to nonsense decide."
)
FORCED_DOCUMENT = (
    "deterministic: the text is generated at temperature 0, which is not sampled, and must be a document that "
    "the prompt does not ask for, or forbids."
)
HOLDS_TEXT = "deterministic: one answer at temperature 0 holds text, or it does not."
MEMBERS = (
    "deterministic: judged by which members the answers at temperature 0 have, and how many, not by what the "
    "text says."
)
MEMBER_OR_STATUS = (
    "deterministic: an answer at temperature 0 has the member that only this field asks for, or it has not; "
    "then the statuses of the answers to a valid value and to nonsense decide."
)
FETCHED = "deterministic: judged by whether answers can be fetched by their ids, whatever they say."
STATUSES = (
    "deterministic: judged by the statuses of the answers to a valid value, to nonsense and to an invented "
    "key, whatever they say."
)
STATUS_AND_ERROR = (
    "deterministic: judged by the status and the error of one answer, and by the status of a valid request beside it."
)
PROMPT_TOKENS = (
    "deterministic: judged by how many prompt tokens the server counts, which does not hang on what it says."
)
AS_PROMPT_FORMS = (
    "deterministic: follows from the experiments of the rows about the other forms of `prompt`, none of which "
    "is sampled."
)
READ_AS_SENT = "deterministic: what the client reads is compared with what is on the wire in the same answer."
ARRIVAL_TIMES = (
    "deterministic: no sampled text has a part in it. It rests on times of arrival, with a margin; how long a "
    "machine holds up its reader has no derivation."
)
CLOCK = (
    "deterministic: no sampled text has a part in it. The stream is read until a clock of whole seconds must "
    "have moved on."
)
STILL_ANSWERS = (
    "deterministic: no sampled text has a part in it. Judged by whether one request is answered after a "
    "stream was left."
)
RULE_GREEDY = (
    "deterministic: a rule over the recorded answers. Those that were sampled are left out, so that every run "
    "judges answers to the same requests at temperature 0."
)
RULE_NUMBERING = (
    "deterministic: a rule over the recorded answers, the sampled ones too, about the numbering of their "
    "choices and not about what these say."
)
RULE_IDS = (
    "deterministic: the ids of all recorded answers are compared. Ids drawn at random from 2^64 or more would "
    "be equal by luck among 400 answers with a probability below 400^2 / 2^65, less than 1e-14."
)
RULE_REFUSALS = "deterministic: a rule over the recorded refusals, which are not generated."
RULE_STATUS = (
    "deterministic: a rule over all recorded answers, about status and form and not about what the text says."
)
RULE_COMPUTED = "deterministic: a rule over the recorded lists, models and vectors, which are not sampled."
VECTORS = (
    "deterministic: vectors are computed, not sampled, and compared with a tolerance for rounding (a cosine "
    "above 0.999)."
)
PICTURES = (
    "deterministic: judged by how many pictures come, as what, and of which format and size, whatever they show."
)
LISTS = "deterministic: judged by lists and entries of models, which are not generated."
ROUTES = (
    "deterministic: judged by how one answer differs from those to routes that cannot exist, none of which is "
    "generated."
)
COPIED_MODEL = "deterministic: judged by whether a copied model answers, and under which name, not by what it says."
AS_PARTS = (
    "deterministic: follows from other rows without a request of its own; it is wrong by luck only where one "
    "of them is."
)
NOT_PROBED = "deterministic: not probed yet, so that the verdict is always `untested`."
