"""The named endpoints, through `gradio_client` against a running page."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from quant.evaluation.verdict import Verdict
from quant.recipe_json import recipe_to_json
from quant.ui.sidebar.choice import Choice

pytestmark = pytest.mark.slow  # a page is started


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_endpoints_are_named_typed_and_described(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]  # type: ignore[index]
    assert set(endpoints) == {"/layers", "/weights", "/generate", "/speculate", "/evaluate"}
    for name, endpoint in endpoints.items():
        assert endpoint["description"], name
        assert all(p["python_type"]["type"] != "Any" for p in endpoint["parameters"]), name


def test_weights_describes_a_matrix(client: Client) -> None:
    layer = client.predict(api_name="/layers")[1]
    view = client.predict(layer["name"], 3, "channel", api_name="/weights")
    out, inputs = layer["shape"]
    assert sum(view["before"]) == sum(view["after"]) == out * inputs
    assert view["levels"] == 7
    assert view["stored_bytes"] == out * inputs * 3 // 8 + 2 * out


def test_generate_gives_both_texts(client: Client) -> None:
    result = client.predict("La ciudad de", max_length=12, api_name="/generate")
    assert result["original"].startswith("La ciudad de")
    assert result["quantized"].startswith("La ciudad de")


def test_weights_in_a_format(client: Client) -> None:
    layer = client.predict(api_name="/layers")[1]
    out, inputs = layer["shape"]
    for name, bits_per_weight, levels in (("Q4_K", 4.5, None), ("NF4", None, 16)):
        view = client.predict(layer["name"], format=name, api_name="/weights")
        assert sum(view["before"]) == sum(view["after"]) == out * inputs, name
        assert view["stored_bytes"] == view["bits_per_weight"] * out * inputs / 8, name
        assert bits_per_weight in (None, view["bits_per_weight"]), name
        assert levels in (None, view["levels"]), name
        assert 10 < view["sqnr_db"] < 60, name


def written(choice: Choice) -> str:
    """The recipe of a choice, as a client writes it."""
    return json.dumps(recipe_to_json(choice.recipe()))


def test_a_whole_recipe_goes_before_the_simple_parameters(client: Client) -> None:
    simple = {"bits": 3, "granularity": "channel", "zero_point": True}
    recipe = written(Choice("embedded", **simple))  # type: ignore[arg-type]
    for endpoint, asked in (("/weights", {}), ("/generate", {"prompt": "La ciudad de", "max_length": 12})):
        by_name = client.predict(**asked, **simple, api_name=endpoint)
        whole = client.predict(**asked, bits=8, model="nobody/nothing", recipe=recipe, api_name=endpoint)
        for found in (by_name, whole):
            found.pop("tokens_per_s", None)
        assert by_name == whole, endpoint


def test_a_recipe_that_cannot_be_read_is_refused(client: Client) -> None:
    for recipe, words in (
        ("{", "it is not JSON"),
        ("[]", "recipe"),
        ('{"scheme": 1}', "recipe.scheme"),
        ('{"rulez": 1}', "rulez"),
        (written(Choice("nobody/nothing")), "nobody/nothing"),
    ):
        with pytest.raises(AppError, match=words):
            client.predict(recipe=recipe, api_name="/weights")


def test_simple_parameters_stand_where_they_always_stood(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]  # type: ignore[index]
    names = {name: [p["parameter_name"] for p in endpoint["parameters"]] for name, endpoint in endpoints.items()}
    first = ["bits", "granularity", "group_size", "zero_point"]
    assert names["/weights"][:7] == ["layer", *first, "model", "format"]
    assert names["/generate"][:7] == ["prompt", *first, "table", "model"]
    assert names["/generate"][7:16] == ["max_length", "no_repeat_ngram_size", "do_sample", "top_k", "top_p",
                                        "temperature", "seed", "format", "activations"]  # fmt: skip
    assert names["/speculate"][:8] == ["prompt", "drafted", *first, "table", "model"]
    assert names["/evaluate"][:11] == ["text", "amount", "own", *first, "table", "model", "format", "activations"]
    assert all(found[-1] == "recipe" for name, found in names.items() if name != "/layers")


def test_generate_takes_a_format(client: Client) -> None:
    result = client.predict("La ciudad de", max_length=12, format="Q4_K", api_name="/generate")
    assert result["quantized"].startswith("La ciudad de")


def test_speculate_gives_the_originals_own_text(client: Client) -> None:
    alone = client.predict("Me gusta mucho", max_length=40, api_name="/generate")
    result = client.predict("Me gusta mucho", 3, max_length=40, api_name="/speculate")
    assert result["text"] == alone["original"]
    assert result["same_text"] is True
    assert 0 <= result["accepted"] <= result["drafted"] <= 3 * result["rounds"]
    assert result["acceptance"] == result["accepted"] / result["drafted"] <= result["agreement"] <= 1
    assert min(result["tokens_per_s"]) > 0


def test_evaluate_gives_figures_with_intervals_and_protocol(client: Client) -> None:
    """Q4_K on a part of a shipped text: many documents, so every figure has its interval."""
    result = client.predict("enciclopedia", format="Q4_K", api_name="/evaluate")
    figures = [name.removesuffix("_low") for name in result if name.endswith("_low")]
    assert len(figures) > 10
    for name in figures:
        assert result[f"{name}_low"] <= result[name] <= result[f"{name}_high"], name
    assert result["perplexity_quantized"] > 1
    assert 0 < result["kl_median"] < result["kl_99"] <= result["kl_999"] <= result["kl_max"]
    assert 0 <= result["same_top"] <= 1
    assert result["verdict"] in [v.value.en for v in Verdict]
    before, after = result["bytes"]
    assert before > after
    assert result["protocol"]["documents"] >= 10


def test_evaluate_an_own_text_too_short_for_intervals(client: Client) -> None:
    own = "El tren llegó tarde a la estación, y en el andén no quedaba nadie más que un perro dormido. " * 30
    result = client.predict("own", own=own, format="NF4", api_name="/evaluate")
    assert result["perplexity_quantized"] > 1
    assert result["protocol"]["n_bytes"] == len(own.strip().encode())
    assert result["protocol"]["documents"] == 1
    assert result["kl_mean_low"] is result["kl_mean_high"] is None


def test_a_bad_request_says_what_is_allowed(client: Client) -> None:
    with pytest.raises(AppError, match="from 2 to 8"):
        client.predict(bits=12, api_name="/weights")
    with pytest.raises(AppError, match="no matrix"):
        client.predict("transformer.h.9.mlp", api_name="/weights")
    with pytest.raises(AppError, match="empty"):
        client.predict(" ", api_name="/generate")
    with pytest.raises(AppError, match="at least 1 is needed"):
        client.predict("Hola", 0, api_name="/speculate")
    with pytest.raises(AppError, match="at least 513"):
        client.predict("own", own="Hola.", api_name="/evaluate")


def test_an_unknown_format_is_named_with_those_that_exist(client: Client) -> None:
    for endpoint, arguments in (("/weights", {}), ("/generate", {"prompt": "Hola"}), ("/evaluate", {})):
        with pytest.raises(AppError, match=r"no format “Q9_K”.*Q4_K"):
            client.predict(**arguments, format="Q9_K", api_name=endpoint)
