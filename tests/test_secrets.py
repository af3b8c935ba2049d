"""A canary in every key never shows in any output, not even in part."""

import base64
import contextlib
import copy
import json
import logging
import pickle
import sys
import traceback
from types import FunctionType, MethodType, ModuleType

import httpx
import pytest
from support.kits import FakePace, home, kit_over

import flipkit as fk
from flipkit import cli
from flipkit.connect import Kit
from flipkit.emulator import start
from flipkit.http import Secret, find_secret

FLIP, ACCOUNT, KEY, TOKEN = (
    "flip_Qm7Xw2Rk9Tz4Lp",
    "acc_Hd8Vb3Ny6Jc1Gs",
    "sk_test_Zf5Ue0Wa2Px8Mt",
    "tok_Ky4Bi7Ol1Er6Sn",
)
VARIABLES = {"FLIP_API_KEY": FLIP, "FLATPEAK_ACCOUNT_ID": ACCOUNT, "FLATPEAK_API_KEY": KEY}
BASIC = base64.b64encode(f"{ACCOUNT}:{KEY}".encode()).decode()
CANARIES = [secret.rpartition("_")[2] for secret in (FLIP, ACCOUNT, KEY, TOKEN)] + [BASIC]
# A piece is as bad as the whole; the encoded pair is cut too, but not its padding.
PIECES = {canary[at : at + 8] for canary in CANARIES for at in range(len(canary) - 10)}


def assert_silent(texts):
    texts = list(texts)
    assert texts, "nothing was looked at"
    for shown in texts:
        text = shown.decode("latin-1") if isinstance(shown, bytes) else str(shown)
        found = [piece for piece in PIECES if piece in text]
        assert not found, f"{found[0]} in {text[:2000]}"


def kit_of(transport, url="https://service.example"):
    given = {"base_url": url, "transport": transport, "pace": FakePace()}
    flip = fk.Flip(FLIP, environment="emulator", **given)
    return Kit(flip, fk.Flatpeak(ACCOUNT, KEY, **given), "emulator", "polars")


def echoing(answer, *, login=False):
    """A service that returns ``answer(request)``: at the login, or at everything but the login."""

    def handle(request):
        if request.url.path == "/login" and not login:
            return httpx.Response(200, json={"bearer_token": TOKEN, "expires_in": 3600})
        sent = request.headers["authorization"]
        found = answer(f"{sent} {ACCOUNT} {KEY}" if sent.startswith("Basic ") else sent)
        if isinstance(found, Exception):
            raise found
        return found

    return kit_of(httpx.MockTransport(handle))


def page(status, kind="text/html"):
    return lambda sent: httpx.Response(
        status, headers={"content-type": kind}, content=f"<p>{sent}</p>".encode()
    )


def refusal(status):
    return lambda sent: httpx.Response(
        status, json={"message": f"no: {sent}", "code": sent, "error": {"message": sent}}
    )


ANSWERS = {
    **{
        f"{status} that repeats the key": refusal(status)
        for status in (400, 401, 403, 404, 409, 422, 429, 500, 503)
    },
    **{f"{status} as a page with the key": page(status) for status in (200, 401, 500)},
    "a redirect with the key": lambda sent: httpx.Response(
        302, headers={"location": f"https://x.example/?{sent}"}
    ),
    "half an answer": lambda sent: httpx.Response(
        200, content=f'{{"bearer_token": "{sent}'.encode()
    ),
    "an answer cut in the key": lambda sent: httpx.Response(
        200, content=f'{{"bearer_token": "{sent[:-3]}'.encode()
    ),
    "a no cut in the key": lambda sent: httpx.Response(
        403, content=f'{{"message": "{sent[:-3]}'.encode()
    ),
    "a header with the key": lambda sent: httpx.Response(
        200, headers={"x-request-id": sent, "x-echo": sent}, json="x"
    ),
    "a no with the key in a header": lambda sent: httpx.Response(
        404, headers={"x-request-id": sent, "x-echo": sent}
    ),
    "another shape": lambda sent: httpx.Response(200, json={"message": sent}),
    "a text": lambda sent: httpx.Response(200, json=sent),
    "a list of texts": lambda sent: httpx.Response(200, json=[sent]),
    "no answer": lambda sent: httpx.ReadError("connection reset"),
    "no way there": lambda sent: httpx.ConnectError("refused"),
    "a reset": lambda sent: ConnectionResetError("reset"),
}
VERBS = {
    "sites": lambda kit: kit.flip.sites(),
    "equipment performance": lambda kit: kit.flip.equipment_performance("2025-06"),
    "commission": home,
    "devices": lambda kit: kit.flatpeak.devices(),
    "costs": lambda kit: kit.flatpeak.cost_by_interval(
        "loc_1", "2025-06-01T00:00:00Z", "2025-06-02T00:00:00Z"
    ),
    "the cost report": lambda kit: fk.cost_report(kit, "2025-06", "2025-06"),
}


def all_of(error):
    """The error, and every error behind it."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def verbose(error, skip=0):
    """The verbose traceback of IPython, with the variables of all frames but the first ones."""
    ultratb = pytest.importorskip("IPython.core.ultratb", reason="IPython comes with the extra lab")
    trace = error.__traceback__
    for _ in range(skip):
        trace = trace.tb_next
    return ultratb.VerboseTB(include_vars=True).text(type(error), error, trace)


def variables_of(error, skip=0):
    """The values of the variables of all frames but the first ones."""
    for frame, _ in [*traceback.walk_tb(error.__traceback__)][skip:]:
        for name, value in frame.f_locals.items():
            try:
                yield f"{name} = {value!r}"
            except AttributeError:  # of an object that is half made
                yield name


def of_an_error(error):
    for one in all_of(error):
        yield from (
            str(one),
            repr(one),
            repr(one.args),
            repr(vars(one)),
            repr(getattr(one, "__notes__", [])),
        )
        yield pickle.dumps(one)
        yield "".join(traceback.format_exception(one))
        yield from variables_of(one)
    yield json.dumps(vars(error), default=repr)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ANSWERS)
def test_no_error_shows_a_key(kind, verb, caplog):
    caplog.set_level(logging.DEBUG)
    kit = echoing(ANSWERS[kind])
    with pytest.raises(fk.FlipkitError) as caught:
        VERBS[verb](kit)
    assert_silent([*of_an_error(caught.value), caplog.text, repr(kit)])


# What only a login can be answered with.
LOGINS = {
    "half a token": lambda sent: httpx.Response(
        200, content=f'{{"bearer_token": "{TOKEN[:14]}'.encode()
    ),
    "a token that is none": lambda sent: httpx.Response(
        200, json={"bearer_token": f"{TOKEN}\n", "expires_in": 60}
    ),
    "a token without an end": lambda sent: httpx.Response(
        200, json={"bearer_token": TOKEN, "expires_in": TOKEN}
    ),
}


@pytest.mark.parametrize("kind", [*ANSWERS, *LOGINS])
def test_no_error_of_a_login_shows_a_key(kind, caplog):
    caplog.set_level(logging.DEBUG)
    kit = echoing((ANSWERS | LOGINS)[kind], login=True)
    with pytest.raises(fk.FlipkitError) as caught:
        kit.flatpeak.devices()
    assert_silent([*of_an_error(caught.value), caplog.text, repr(kit)])


@pytest.mark.parametrize("verb", ["sites", "devices"])
@pytest.mark.parametrize(
    "kind", ["401 that repeats the key", "half an answer", "another shape", "no answer"]
)
@pytest.mark.parametrize("login", [True, False])
def test_a_traceback_in_verbose_mode_shows_no_key(login, kind, verb):
    with pytest.raises(fk.FlipkitError) as caught:
        VERBS[verb](echoing(ANSWERS[kind], login=login))
    text = verbose(caught.value)
    assert "self = " in text or "self=" in text  # it does show variables
    assert_silent([text])


def attributes(thing, seen=None, depth=0):
    """All text reachable from an object through attributes, except inside a `Secret`."""
    seen = set() if seen is None else seen
    skipped = (Secret, type, ModuleType, FunctionType, MethodType)
    if id(thing) in seen or depth > 12 or isinstance(thing, skipped):
        return
    seen.add(id(thing))
    if isinstance(thing, str | bytes | bytearray):
        yield thing
    elif isinstance(thing, dict):
        for name, value in list(thing.items()):
            yield from attributes(name, seen, depth + 1)
            yield from attributes(value, seen, depth + 1)
    elif isinstance(thing, list | tuple | set | frozenset):
        for value in list(thing):
            yield from attributes(value, seen, depth + 1)
    else:
        slots = [
            name
            for kind in type(thing).__mro__
            for name in getattr(kind, "__slots__", ())
            if hasattr(thing, name)
        ]
        held = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
        for value in [*held, *(getattr(thing, name) for name in slots)]:
            yield from attributes(value, seen, depth + 1)


@pytest.fixture
def used():
    """A kit over an emulator that has logged in and made calls."""
    with kit_over(keys=(FLIP, ACCOUNT, KEY)) as kit:
        home(kit)
        kit.flip.sites()
        kit.flatpeak.devices()
        yield kit


def objects_of(kit):
    sessions = [kit.flip._session, kit.flatpeak._session]
    secrets = [find_secret("X", KEY), kit.flatpeak._token.secret()]
    return [
        kit,
        kit.flip,
        kit.flatpeak,
        *sessions,
        *[s._credential for s in sessions],
        kit.flatpeak._token,
        *secrets,
    ]


def test_no_object_shows_a_key(used):
    for thing in objects_of(used):
        texts = [
            repr(thing),
            str(thing),
            f"{thing}",
            "%s" % (thing,),  # noqa: UP031
            repr([thing]),
            repr({"k": thing}),
        ]
        texts += [repr(vars(thing))] if hasattr(thing, "__dict__") else []
        assert_silent([*texts, json.dumps(thing, default=repr)])
    assert_silent(attributes([used.flip, used.flatpeak]))


@pytest.mark.parametrize(
    "how", [pickle.dumps, copy.deepcopy, copy.copy], ids=["pickle", "deepcopy", "copy"]
)
def test_no_copy_shows_a_key(used, how):
    for thing in objects_of(used):
        try:
            copied = how(thing)
        except (TypeError, pickle.PicklingError) as error:
            assert_silent([str(error)])
            continue
        assert_silent([copied if isinstance(copied, bytes) else repr(copied)])


def test_the_frames_and_the_files_show_no_key(used, tmp_path):
    frames = [
        used.flip.sites(),
        used.flatpeak.devices(),
        used.flatpeak.locations(),
        fk.cost_report(used, "2025-01", "2025-01"),
    ]
    for number, frame in enumerate(frames):
        fk.write_csv(frame, tmp_path / f"{number}.csv")
    files = list(tmp_path.iterdir())
    assert len(files) == 2 * len(frames)
    assert_silent(
        [*(path.read_bytes() for path in files), *(path.name for path in files), *map(repr, frames)]
    )


def test_the_logs_of_a_real_connection_and_the_emulators_file_show_no_key(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("flipkit", "httpx", "httpcore"):
        caplog.set_level(logging.DEBUG, logger=name)
    with start(path=tmp_path / "store.db", sample=False) as emulator:
        given = {"base_url": emulator.url, "pace": FakePace()}
        flip = fk.Flip(FLIP, environment="emulator", **given)
        with Kit(flip, fk.Flatpeak(ACCOUNT, KEY, **given), "emulator", "polars") as kit:
            home(kit)
            with pytest.raises(fk.NotFound):
                kit.flatpeak.location("loc_0")
        assert_silent([repr(emulator), repr(emulator.store)])
    assert {"httpx", "httpcore"} <= {record.name.partition(".")[0] for record in caplog.records}
    assert_silent([caplog.text, *(repr(vars(record)) for record in caplog.records)])
    assert_silent([path.read_bytes() for path in tmp_path.iterdir()])


@pytest.mark.parametrize(
    "line",
    [
        "report performance --start 2025-06 --end 2025-06",
        "report cost --start 2025-06 --end 2025-06",
        "report cost --start 2025-13 --end 2025-06",
        "upload r.csv",
        "upload missing.csv",
        "simulate missing.toml --energy r.csv --out o",
        "nonsense",
    ],
)
@pytest.mark.parametrize("service", ["there", "gone"])
def test_the_command_line_shows_no_key(line, service, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r.csv").write_text(
        "location_id,units,value,start_utc,end_utc\nloc_0,WH,1,2025-06-01T00:00:00Z,2025-06-01T01:00:00Z\n",
        encoding="utf-8",
    )
    for module in ("http.session", "flatpeak.service"):
        monkeypatch.setattr(f"flipkit.{module}.Timing", FakePace)
    with start(sample=False) as emulator:
        if service == "gone":
            emulator.stop()
        for name, value in {
            **VARIABLES,
            "FLIP_BASE_URL": emulator.url,
            "FLATPEAK_BASE_URL": emulator.url,
        }.items():
            monkeypatch.setenv(name, value)
        with contextlib.suppress(SystemExit):
            cli.main([*line.split(), "--environment", "sandbox"])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert_silent([*capfd.readouterr(), *(path.read_bytes() for path in files)])


@pytest.mark.parametrize("name", VARIABLES)
@pytest.mark.parametrize("wrong", ["a b", "ü", "\n\n x", "\x00"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(name, wrong, monkeypatch):
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    if "\x00" in wrong:
        monkeypatch.setattr("os.environ", {**VARIABLES, name: VARIABLES[name] + wrong})
    else:
        monkeypatch.setenv(name, VARIABLES[name] + wrong)
    with pytest.raises(fk.ConfigurationError, match=name) as caught:
        fk.connect("sandbox")
    error = caught.value
    assert_silent(
        [*map(str, all_of(error)), *variables_of(error, skip=1), verbose(error, skip=1)]
    )  # not of this frame


def test_the_canary_would_be_seen():
    """A test of the test: a key in any form, and half of one, is found."""
    for text in (KEY, f"Basic {BASIC}", TOKEN[:14], repr({"k": FLIP}), ACCOUNT.encode()):
        with pytest.raises(AssertionError):
            assert_silent([text])
    assert sys.intern(KEY) in list(attributes({"a": [KEY]}))
