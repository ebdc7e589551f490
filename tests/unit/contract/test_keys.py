"""The names of keys in Redis."""

from contract import AppId, Keys


def test_every_key_about_customers_carries_its_app():
    keys = Keys()
    assert keys.inbox(AppId("demo")) == "antre:{demo}:inbox"
    assert keys.put_aside(AppId("demo")) == "antre:{demo}:put-aside"
    assert keys.glance(AppId("demo")) == "antre:{demo}:glance"


def test_two_installations_can_share_a_redis():
    one, other = Keys("one"), Keys("other")
    names = lambda keys: {keys.inbox(AppId("a")), keys.put_aside(AppId("a")), keys.lease, keys.handover}  # noqa: E731
    assert names(one).isdisjoint(names(other))
    assert len(names(one)) == 4
