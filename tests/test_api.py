"""The named endpoints, through `gradio_client` against a running page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(server: str) -> Iterator[Client]:
    client = Client(server, verbose=False)
    yield client
    client.close()


def test_endpoints_are_named_typed_and_described(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]  # type: ignore[index]
    assert set(endpoints) == {"/layers", "/weights", "/generate", "/evaluate"}
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


def test_evaluate_gives_figures_and_protocol(client: Client) -> None:
    own = "El tren llegó tarde a la estación, y en el andén no quedaba nadie más que un perro dormido. " * 3
    result = client.predict("own", own=own, bits=2, granularity="tensor", api_name="/evaluate")
    base, after = result["perplexity"]
    assert after > base > 1
    assert result["protocol"]["n_bytes"] == len(own.strip().encode())


def test_a_bad_request_says_what_is_allowed(client: Client) -> None:
    with pytest.raises(AppError, match="from 2 to 8"):
        client.predict(bits=12, api_name="/weights")
    with pytest.raises(AppError, match="no matrix"):
        client.predict("transformer.h.9.mlp", api_name="/weights")
    with pytest.raises(AppError, match="empty"):
        client.predict(" ", api_name="/generate")
