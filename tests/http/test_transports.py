"""The emulator in process sees what it would see over a network."""

import flask
import pytest

from flipkit.http import BearerKey, ErrorBody, Secret, Session, in_process


@pytest.mark.parametrize("text", ["plain", "ключ", "é", "a b", "a/b", "100%", "?#"])
def test_an_id_of_any_letters_arrives_as_it_is(text):
    app = flask.Flask("test")
    app.add_url_rule("/ids/<path:key>", view_func=lambda key: {"key": key})
    session = Session(
        "http://localhost",
        BearerKey(Secret("k")),
        lambda *_: ErrorBody("no"),
        transport=in_process(app),
    )
    assert session.send("GET", ["ids", text]).value == {"key": text}
