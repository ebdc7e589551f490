"""The apps that an installation serves: what is read, what is refused, and that nothing secret shows."""

import pytest

from contract.apps import AppsError, apps_from_file, one_app

OLD, NEW = "old-token-12345", "new_token-67890"
SECRET = "sk-canary-0000"


def test_one_app_of_the_environment():
    app = one_app("demo", SECRET, f"{OLD}, {NEW}")
    assert (app.id, app.secret_key, app.tokens) == ("demo", SECRET, (OLD, NEW))


def test_one_app_without_tokens():
    assert one_app("demo", None, "").tokens == ()
    assert one_app("demo", None, " , ").tokens == ()


def test_what_is_secret_does_not_show():
    shown = repr(one_app("demo", SECRET, OLD))
    assert "demo" in shown
    assert SECRET not in shown
    assert OLD not in shown


@pytest.mark.parametrize("tokens", ["short", "with space in it", f"{OLD},{NEW},third-token", "a/b/c/d/e/f", "é" * 9])
def test_tokens_that_are_refused_are_not_quoted(tokens):
    with pytest.raises(AppsError, match="ANTRE_WEBHOOK_TOKENS") as caught:
        one_app("demo", None, tokens)
    assert not any(word.strip() in str(caught.value) for word in tokens.split(","))


@pytest.mark.parametrize("app_id", ["", "a b", "a/b", "x" * 65])
def test_an_app_id_that_is_none(app_id):
    with pytest.raises(AppsError, match="QISCUS_APP_ID"):
        one_app(app_id, None, "")


def test_several_apps_of_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{SECRET}\n")
    apps = apps_from_file(
        written(
            tmp_path,
            f"""
            [[app]]
            id = "one"
            secret_key_file = "{tmp_path / "key"}"
            webhook_tokens = ["{OLD}", "{NEW}"]
            base_url = "https://platform.example.com"
            [[app]]
            id = "two"
            secret_key = "{SECRET}"
            webhook_tokens = ["another-token"]
            """,
        )
    )
    assert [(app.id, app.secret_key, app.tokens) for app in apps] == [
        ("one", SECRET, (OLD, NEW)),
        ("two", SECRET, ("another-token",)),
    ]
    assert apps[0].base_url == "https://platform.example.com"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "missing required field"),
        ("app = []", "names 0 apps"),
        ("not toml at all", "not TOML"),
        ('[[app]]\nid = "a b"', "app 1: id"),
        ('[[app]]\nname = "x"', "unknown field"),
        ('[[app]]\nid = "a"\n[[app]]\nid = "a"', "an app twice"),
        ('[[app]]\nid = "a"\n[[app]]\nid = "b"', "each needs webhook_tokens"),
        (
            f'[[app]]\nid = "a"\nwebhook_tokens = ["{OLD}"]\n[[app]]\nid = "b"\nwebhook_tokens = ["{OLD}"]',
            "one webhook token for two apps",
        ),
        (f'[[app]]\nid = "a"\nwebhook_tokens = ["{OLD}", "{NEW}", "{OLD}x"]', "3 tokens"),
        (f'[[app]]\nid = "a"\nsecret_key = "{SECRET}"\nsecret_key_file = "/x"', "only one of secret_key"),
        ('[[app]]\nid = "a"\nsecret_key_file = "/does/not/exist"', "cannot be read"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_what_and_where(tmp_path, text, said):
    path = written(tmp_path, text)
    with pytest.raises(AppsError, match="ANTRE_APPS_FILE") as caught:
        apps_from_file(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert OLD not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_wrong_type_in_the_file_does_not_quote_a_secret(tmp_path):
    with pytest.raises(AppsError) as caught:
        apps_from_file(written(tmp_path, f'[[app]]\nid = "a"\nwebhook_tokens = "{OLD}"'))
    assert OLD not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(AppsError, match="cannot be read"):
        apps_from_file(tmp_path / "none.toml")


def written(folder, text):
    path = folder / "apps.toml"
    path.write_text("\n".join(line.strip() for line in text.splitlines()))
    return path
