"""The places of a trace, and that traces cost nothing where they are off."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from chassis.settings import SettingError, load
from chassis.traces import Place, headers_setting, place_of, tracing

ROOT = Path(__file__).parents[3]
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_trace_parent_is_read_and_written_alike():
    assert str(place_of(CALLER)) == CALLER
    assert place_of(str(here := Place.first())) == here


def test_what_hangs_on_a_place_is_of_the_same_trace():
    here = place_of(CALLER)
    below = here.below()
    assert (below.trace, below.is_sampled) == (here.trace, True)
    assert below.span != here.span


def test_a_caller_may_not_keep_its_trace():
    assert place_of(CALLER[:-2] + "00").is_sampled is False
    assert place_of(CALLER[:-2] + "03").is_sampled is True


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-" + "0" * 32 + "-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16 + "-01",
        CALLER.upper(),
        CALLER + "-more",
        CALLER + "\n",
        "01" + CALLER[2:],
        "Jane Doe",
    ],
)
def test_what_is_no_trace_parent_is_none(text):
    assert place_of(text) is None


def test_without_an_endpoint_there_is_no_tracer():
    with tracing(None, {}, "test", "0", CollectorRegistry()) as tracer:
        assert tracer is None


def test_without_an_endpoint_nothing_is_loaded_that_sends_traces():
    code = """
import sys
from prometheus_client import CollectorRegistry
sys.modules["opentelemetry"] = None  # as in the images, which have none of it
import webhook_gateway.__main__, allocator.__main__, allocator.commands.allocate
from chassis.traces import tracing
with tracing(None, {}, "test", "0", CollectorRegistry()):
    print([name for name in sys.modules if name.startswith(("chassis.otlp", "opentelemetry."))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("image", ["webhook-gateway", "allocator"])
def test_no_image_holds_opentelemetry_which_other_libraries_would_load(image):
    assert "opentelemetry" not in (ROOT / "requirements" / f"{image}.txt").read_text()


@dataclass
class Settings:
    headers: dict[str, str] = headers_setting()  # noqa: RUF009 - a declaration


@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        ("", {}),
        ("authorization=Bearer%20abc", {"authorization": "Bearer abc"}),
        ("X-One=1, x-two=a=b", {"x-one": "1", "x-two": "a=b"}),
    ],
)
def test_headers_are_written_as_opentelemetry_has_them(raw, headers):
    assert load(Settings, {"OTEL_EXPORTER_OTLP_HEADERS": raw}).headers == headers


@pytest.mark.parametrize("raw", ["Bearer canary", "a=can%0d%0aary: 1", "ca nary=1", "a=canary\u00e9"])
def test_headers_that_are_none_are_refused_and_not_quoted(raw):
    with pytest.raises(SettingError) as caught:
        load(Settings, {"OTEL_EXPORTER_OTLP_HEADERS": raw})
    assert "nary" not in str(caught.value)
