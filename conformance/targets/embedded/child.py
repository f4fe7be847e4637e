"""The process in which llama.cpp runs, started by `server` as a script: nothing of this package is imported here.

Its standard input holds one line of JSON, the `Settings`, and then stays open for as long as the parent lives:
when it ends, so does this process, however the parent ended. Its standard output gets one line of JSON, the
addresses. All that llama.cpp prints goes to standard error, which the parent points at a log.
"""

import json
import os
import select
import sys
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    import xllamacpp

_PARENT_POLL_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the child is to serve; paths are absolute, `parent` is the process id to outlive no longer.

    `port`: of chat; 0 for a free one.
    """

    weights: str
    projector: str
    template: str
    chat_model: str
    embedding_model: str
    threads: int
    parent: int
    port: int = 0

    def as_line(self) -> bytes:
        """Return the settings as the line that the child reads."""
        return json.dumps(asdict(self)).encode() + b"\n"


def main() -> None:
    """Serve until the parent is gone."""
    answers = _reserve_standard_output()
    settings = Settings(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_exit_with_parent, args=(settings.parent,), daemon=True).start()
    import xllamacpp  # after the watch has begun

    chat = xllamacpp.Server(_chat_parameters(xllamacpp.CommonParams(), settings))
    embeddings = xllamacpp.Server(_embedding_parameters(xllamacpp.CommonParams(), settings))
    build = xllamacpp.BUILD_INFO.get("build_number", 0)
    addresses = {"chat": chat.listening_address, "embeddings": embeddings.listening_address, "build": build}
    print(json.dumps(addresses), file=answers, flush=True)
    threading.Event().wait()


def _reserve_standard_output() -> TextIO:
    """Keep the pipe to the parent for our own line, and send what C code prints to the log."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _exit_with_parent(parent: int) -> None:
    """End this process as soon as standard input ends, or, should somebody else hold that pipe, the parent is gone.

    `os._exit`, because a graceful end would wait for answers in the making.
    """
    while True:
        readable, _, _ = select.select([0], [], [], _PARENT_POLL_SECONDS)
        if (readable and not os.read(0, 4096)) or os.getppid() != parent:
            os._exit(0)


def _shared_parameters(parameters: "xllamacpp.CommonParams", settings: Settings) -> Any:
    parameters.model.path = settings.weights
    parameters.port = 0
    parameters.n_parallel = 4
    parameters.n_ctx = 8192
    for threads in (parameters.cpuparams, parameters.cpuparams_batch):
        threads.n_threads = settings.threads
        threads.poll = 0  # threads without work sleep
    parameters.n_gpu_layers = 0  # the same arithmetic, so the same texts, with and without a GPU
    parameters.fit_params = False  # nothing to fit: it takes half a second to find that out
    # A prompt that is partly in the cache is computed in other batches than a whole one, which rounds otherwise:
    # greedy text would depend on what was asked before.
    parameters.cache_prompt = False
    parameters.cache_ram_mib = 0
    return parameters


def _chat_parameters(parameters: "xllamacpp.CommonParams", settings: Settings) -> Any:
    _shared_parameters(parameters, settings)
    parameters.port = settings.port
    parameters.model_alias = {settings.chat_model}
    parameters.mmproj.path = settings.projector
    parameters.mmproj_use_gpu = False
    parameters.use_jinja = True
    parameters.chat_template = settings.template
    parameters.kv_unified = False  # with it, texts differ between one request alone and four at once
    return parameters


def _embedding_parameters(parameters: "xllamacpp.CommonParams", settings: Settings) -> Any:
    import xllamacpp

    _shared_parameters(parameters, settings)
    parameters.model_alias = {settings.embedding_model}
    parameters.embedding = True
    parameters.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    parameters.kv_unified = True  # without it, the longer of two inputs in one request gets a wrong vector
    return parameters


if __name__ == "__main__":
    main()
