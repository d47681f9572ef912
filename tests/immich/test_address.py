"""What a person may type as the address of a server."""

from hypothesis import example, given, strategies as st
import pytest
from yarl import URL

from custom_components.immich_backup.immich import complete_address, normalise_address
from custom_components.immich_backup.immich.errors import AddressError


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("http://photos.local:2283", "http://photos.local:2283"),
        ("  https://photos.example.com/  ", "https://photos.example.com"),
        ("HTTPS://Photos.Example.COM/API", "https://photos.example.com/API"),
        ("http://photos.local:2283/api", "http://photos.local:2283"),
        ("http://photos.local:2283/api/", "http://photos.local:2283"),
        ("http://photos.local/api/api//", "http://photos.local"),
        ("http://photos.local/immich", "http://photos.local/immich"),
        ("http://photos.local/immich/api/", "http://photos.local/immich"),
        ("http://photos.local/a%2Fb/my%20pictures", None),
        ("http://photos.local/?apiKey=secret#top", "http://photos.local"),
        ("http://192.168.1.5:2283", "http://192.168.1.5:2283"),
        ("http://[fd00::5]:2283/api", "http://[fd00::5]:2283"),
        ("https://photos.example.com:443", "https://photos.example.com"),
        ("http://bücher.example", "http://xn--bcher-kva.example"),
        ("http://@photos.local", "http://photos.local"),
        ("http://immich_server:2283", "http://immich_server:2283"),
    ],
)
def test_accepted(typed: str, address: str | None) -> None:
    """Slashes, `/api`, query and fragment go; the base path stays."""
    assert normalise_address(typed) == (address or typed)


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "scheme"),
        ("photos.local:2283", "scheme"),
        ("//photos.local", "scheme"),
        ("javascript://photos.local/%0aalert(1)", "scheme"),
        ("javascript:alert(1)", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("file://photos.local/share", "scheme"),
        ("ftp://photos.local", "scheme"),
        ("http:photos.local", "scheme"),
        ("http://", "address"),
        ("http:///api", "address"),
        ("http://:2283", "address"),
        ("http://photos.local:0", "address"),
        ("http://photos.local:99999", "address"),
        ("http://photos.local:port", "address"),
        ("http://photos local", "address"),
        ("http://photos.local\\@evil.example", "address"),
        ("http://photos.local/im\tmich", "address"),
        ("http://photos.local\n.evil.example", "address"),
        ("http://[fd00::5", "address"),
        ("http://me@photos.local", "credentials"),
        ("http://me:secret@photos.local", "credentials"),
        ("http://:secret@photos.local", "credentials"),
    ],
)
def test_refused(typed: str, reason: str) -> None:
    """What is no address of a server is refused with a stable reason."""
    with pytest.raises(AddressError) as caught:
        normalise_address(typed)
    assert caught.value.reason == reason
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("192.168.1.5:2283", "http"),
        (" 10.0.0.7/api/ ", "http"),
        ("[fd00::5]:2283", "http"),
        ("100.100.7.7", "http"),
        ("immich", "http"),
        ("immich_server:2283", "http"),
        ("photos.local", "http"),
        ("Photos.Fritz.LAN:2283", "http"),
        ("nas.home.arpa", "http"),
        ("photos.example.com", "https"),
        ("photos.example.com:2283/photos", "https"),
        ("8.8.8.8:2283", "https"),
        ("evil-local", "http"),
        ("notlocal.example", "https"),
    ],
)
def test_completed(typed: str, first: str) -> None:
    """A missing scheme may be either one: http is likelier at home, https elsewhere."""
    other = {"http": "https", "https": "http"}[first]
    assert complete_address(typed) == [
        normalise_address(f"{scheme}://{typed.strip()}") for scheme in (first, other)
    ]


@pytest.mark.parametrize(
    "typed", ["http://photos.local/immich", "HTTPS://photos.example.com "]
)
def test_complete_already(typed: str) -> None:
    """A scheme that was typed is the one that is meant."""
    assert complete_address(typed) == [normalise_address(typed)]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "address"),
        ("ftp://photos.local", "scheme"),
        ("javascript://photos.local/%0aalert(1)", "scheme"),
        ("javascript:alert(1)", "address"),
        ("//photos.local", "address"),
        ("photos local", "address"),
        ("me:secret@photos.local", "credentials"),
        ("fd00::5", "address"),
    ],
)
def test_not_completed(typed: str, reason: str) -> None:
    """What is no address has none by a scheme before it."""
    with pytest.raises(AddressError) as caught:
        complete_address(typed)
    assert caught.value.reason == reason
    assert "secret" not in str(caught.value)


_HOSTS = st.one_of(
    st.sampled_from(["photos.local", "immich_server", "192.168.1.5", "[fd00::5]", ""]),
    st.from_regex(r"[a-z0-9.\-_@:%\[\]]{1,12}", fullmatch=True),
    st.text(max_size=12),
)
_PATHS = st.lists(
    st.one_of(
        st.sampled_from(
            ["/", "/api", "/immich", "/..", "/.", "//", "%2F", "%2e%2e", "%"]
        ),
        st.text(max_size=6),
    ),
    max_size=6,
).map("".join)
_ADDRESSES = st.one_of(
    st.text(max_size=60),
    st.builds(
        "{}{}{}{}{}{}".format,
        st.sampled_from(["http://", "https://", "HTTP://", "file://", " http://"]),
        st.sampled_from(["", "", "me@", "me:pw@", ":pw@", "@"]),
        _HOSTS,
        st.sampled_from(["", "", ":2283", ":80", ":0", ":", ":65536", ":-1"]),
        _PATHS,
        st.sampled_from(["", "", "?key=secret", "#part", "/api?x#y"]),
    ),
)


@given(_ADDRESSES)
@example("http://h/api//api/")
@example("http://h/%2Fapi")
@example("http://h/a/../api/.")
def test_any_text(typed: str) -> None:
    """Whatever is typed is refused, or becomes an address that stays as it is."""
    try:
        address = normalise_address(typed)
    except AddressError:
        return
    assert normalise_address(address) == address
    url = URL(address)
    assert url.scheme in ("http", "https")
    assert url.host
    assert "@" not in url.raw_authority
    assert not url.raw_query_string
    assert not url.raw_fragment
    assert "?" not in address
    assert "#" not in address
    assert not address.endswith(("/", "/api"))
    assert URL(f"{address}/api/").join(URL("server/version")).origin() == url.origin()
