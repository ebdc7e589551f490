"""What the operator asks of a cluster's API, against a server that answers as one does."""

import json
from dataclasses import dataclass, field

import pytest
import yaml
from aiohttp import web

from allocator.adapters.kubernetes import KubernetesObjects
from allocator.core.standing import Condition
from allocator.ports import Unavailable

ALL = "/apis/antre.dev/v1alpha1/namespaces/team/allocationpolicies"
NEWS = Condition(type="Live", holds=True, reason="InUse", message="in use, version 3", good=True)


def raw(name):
    metadata = {
        "namespace": "team",
        "name": name,
        "uid": f"uid-{name}",
        "generation": 2,
        "creationTimestamp": "2026-01-02T03:04:05Z",
    }
    return {"metadata": metadata, "spec": {"paused": True}}


@dataclass
class Api:
    """Pages of objects, a status to answer with instead, and what it was asked."""

    pages: list = field(default_factory=list)
    instead: int = 0
    why: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)

    async def answer(self, request):
        body = await request.read()
        self.asked.append((request.method, request.path, json.loads(body) if body else None))
        if self.instead:
            return web.json_response({"kind": "Status", "code": self.instead, "details": self.why}, status=self.instead)
        if request.method != "GET":
            return web.json_response({})
        number = int(request.query["continue"] or 0)
        more = str(number + 1) if number + 1 < len(self.pages) else ""
        return web.json_response({"metadata": {"continue": more}, "items": self.pages[number]})


@pytest.fixture
async def api(tmp_path, monkeypatch):
    made = Api()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server = f"http://127.0.0.1:{runner.addresses[0][1]}"
    context = {"cluster": "c", "user": "u", "namespace": "team"}
    config = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "canary-token"}}],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(file))
    yield made
    await runner.cleanup()


@pytest.fixture
async def objects(api):
    made = KubernetesObjects(None)
    yield made
    await made.close()


async def test_all_pages_of_its_own_namespace_are_listed(api, objects):
    api.pages = [[raw("a"), raw("b")], [raw("c")]]
    found = await objects.all()
    assert [(one.source, one.uid, one.generation, one.spec) for one in found][::2] == [
        ("team/a", "uid-a", 2, {"paused": True}),
        ("team/c", "uid-c", 2, {"paused": True}),
    ]
    assert found[0].created_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert {path for _, path, _ in api.asked} == {ALL}


async def test_everywhere_is_asked_at_once(api):
    api.pages = [[]]
    everywhere = KubernetesObjects("*")
    await everywhere.all()
    await everywhere.close()
    assert api.asked[0][1] == "/apis/antre.dev/v1alpha1/allocationpolicies"


async def test_the_status_is_written_and_the_news_told(api, objects):
    api.pages = [[raw("a")]]
    (one,) = await objects.all()
    await objects.say(one, {"version": 3}, [NEWS])
    (_, path, body), (_, where, event) = api.asked[1:]
    assert (path, body) == (f"{ALL}/a/status", {"status": {"version": 3}})
    assert where == "/api/v1/namespaces/team/events"
    assert (event["reason"], event["type"], event["message"]) == ("LiveInUse", "Normal", "in use, version 3")
    assert event["involvedObject"]["uid"] == "uid-a"


async def test_an_object_that_is_gone_meanwhile_is_no_trouble(api, objects):
    api.pages = [[raw("a")]]
    (one,) = await objects.all()
    api.instead = 404
    await objects.say(one, {"version": 3}, [NEWS])
    assert [method for method, _, _ in api.asked] == ["GET", "PATCH"]


async def test_a_namespace_that_is_being_deleted_is_no_trouble(api, objects):
    api.pages = [[raw("a")]]
    (one,) = await objects.all()
    api.instead, api.why = 403, {"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]}
    await objects.say(one, {"version": 3}, [NEWS])


async def test_a_status_that_may_not_be_written_is_told(api, objects):
    api.pages = [[raw("a")]]
    (one,) = await objects.all()
    api.instead = 403
    with pytest.raises(Unavailable, match="the Role of the operator is missing"):
        await objects.say(one, {"version": 3}, [NEWS])


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (404, "apply its CustomResourceDefinition"),
        (403, "the Role of the operator is missing"),
        (500, "HTTP 500"),
    ],
)
async def test_what_the_cluster_refuses_is_a_sentence_without_the_token(api, objects, status, sentence):
    api.instead = status
    with pytest.raises(Unavailable) as refused:
        await objects.all()
    assert sentence in str(refused.value)
    assert "canary" not in str(refused.value)


async def test_without_a_cluster_it_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Unavailable, match="neither a service account"):
        KubernetesObjects(None)
