"""The suite's own models in an Ollama: put there, known again, and taken away."""

import pytest

from conformance.checklist.field_values import MODEL_COPY_PREFIX
from conformance.cli.main import main
from conformance.selftests.ollamas import FakeOllama
from conformance.selftests.servers import listening, made
from conformance.targets.fixtures.models import CHAT, EMBEDDINGS, FixtureModel
from conformance.targets.ollama import NAMESPACE, discover
from conformance.targets.prepare import FIXTURE_IDS, PREPARED, OllamaModel, prepare, remove


@pytest.fixture
def own_models(tmp_path):
    """Two models as ours are, of small files."""

    class Tiny(FixtureModel):
        def fetch_files(self, *, progress):
            progress("fetched")
            files = {"model.gguf": tmp_path / "model.gguf", "projector.gguf": tmp_path / "projector.gguf"}
            for name, path in files.items():
                path.write_text(name)
            return files

    def made(model):
        return Tiny(
            name=model.name,
            capabilities=frozenset(),
            wheel=model.wheel,
            folder="",
            template=model.template,
            stop=("x",),
        )

    return (
        OllamaModel(name="chat", fixture=made(CHAT), answers_for=("completion",), parameters={"num_ctx": 512}),
        OllamaModel(name="seeing", fixture=made(CHAT), answers_for=("vision",), with_projector=True),
        OllamaModel(name="vectors", fixture=made(EMBEDDINGS), answers_for=("embedding",)),
    )


def ignore(_):
    """Show no progress."""


def test_preparing_puts_the_models_there_once(own_models):
    server = FakeOllama()
    done = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert done.ready == tuple(f"{NAMESPACE}-{name}:latest" for name in ("chat", "seeing", "vectors"))
    assert done.failed == {}
    assert sorted(server.blobs.values()) == [b"model.gguf", b"projector.gguf"]
    chat, seeing, vectors = (server.models[name] for name in done.ready)
    assert chat["parameters"] == {"repeat_penalty": 1.0, "num_thread": 1, "num_ctx": 512, "stop": ["x"]}
    assert [sorted(model["files"]) for model in (chat, seeing)] == [["model.gguf"], ["model.gguf", "projector.gguf"]]
    assert "template" not in vectors
    again = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert again == done
    assert len(server.created) == 3


def test_a_model_of_an_older_recipe_is_made_anew(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    server.models[own_models[0].id]["license"] = "recipe 0"
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert server.created.count(own_models[0].id) == 2


def test_what_a_server_cannot_create_or_load_is_named_and_not_left_behind(own_models):
    chat, seeing, vectors = (model.id for model in own_models)
    server = FakeOllama(cannot_create=[vectors], cannot_load=[seeing])
    done = prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert done.ready == (chat,)
    assert done.failed == {
        seeing: "load: 500 unable to load model",
        vectors: "create: unknown architecture",
    }
    assert set(server.models) == {chat, "the/users:latest"}


def test_a_model_of_the_suite_is_known_by_its_recipe_whatever_manifest_the_server_wrote(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    server.models.pop("the/users:latest")
    chat = own_models[0].id
    found = discover(server.client(), "http://host/v1", fixtures={"completion": chat}).by_capability["completion"]
    assert found.id == chat
    assert found.digest == f"recipe:{server.models[chat]['license'].rpartition(' ')[2]}"


def test_a_busy_server_is_waited_for(own_models, monkeypatch):
    monkeypatch.setattr("conformance.targets.prepare._RETRY_SECONDS", 0.0)
    server = FakeOllama()
    server.busy = 3
    assert prepare(server.client(), "http://host/v1", progress=ignore, models=own_models).failed == {}


def test_removing_takes_exactly_the_suites_models(own_models):
    server = FakeOllama()
    prepare(server.client(), "http://host/v1", progress=ignore, models=own_models)
    assert remove(server.client(), "http://host/v1", progress=ignore, models=own_models) == tuple(
        model.id for model in own_models
    )
    assert set(server.models) == {"the/users:latest"}
    assert remove(server.client(), "http://host/v1", progress=ignore, models=own_models) == ()


def test_the_suites_models_cover_every_capability_under_names_of_their_own():
    assert set(FIXTURE_IDS) == {"completion", "tools", "insert", "vision", "embedding", "thinking"}
    assert len({model.id for model in PREPARED}) == len(PREPARED)
    assert all(model.id.startswith("openai-conformance") for model in PREPARED)


def test_the_command_takes_away_what_is_ours_and_nothing_else(capsys):
    others = ["the/users:latest", f"{NAMESPACE}-of-mine:latest", f"{NAMESPACE}/mine:latest", "gpt-3.5-turbo:latest"]
    others += [PREPARED[0].id.replace(":latest", ":mine")]
    left = f"{MODEL_COPY_PREFIX}-chat:latest"  # a copy that a run left when it was killed
    server = FakeOllama()
    server.models = {name: {} for name in [*others, left, *(model.id for model in PREPARED)]}
    with listening(server) as url:
        assert main(["models", "remove", "--base-url", url]) == 0
        assert list(server.models) == others
        assert f"{len(PREPARED) + 1} models removed" in capsys.readouterr().out
        assert main(["models", "remove", "--base-url", url]) == 0
        assert "0 models removed" in capsys.readouterr().out
    assert list(server.models) == others


def test_the_command_says_what_needs_an_ollama_and_blames_no_option_that_nobody_typed(capsys):
    with listening(made("honours_everything")) as url:
        assert main(["models", "prepare", "--base-url", url]) == 2
    error = capsys.readouterr().err
    assert "openai-conformance models prepare needs an Ollama, but what answers at" in error
    assert "--target" not in error
