"""The proxy itself: what is drawn comes from its seed and has an end."""

from annotation.label_studio.client.label_studio import LabelStudio
from tests.faults.bridge.proxy import Drawn, Fault, Proxy
from tests.studio import Place


def test_the_same_seed_draws_the_same_faults() -> None:
    first, second = (Drawn(3, dict.fromkeys(Fault, 0.1), 1000) for _ in range(2))
    assert [first("GET", "/") for _ in range(100)] == [second("GET", "/") for _ in range(100)]


def test_faults_have_an_end() -> None:
    drawn = Drawn(3, {Fault.RESET: 1.0}, most=5)
    assert [drawn("GET", "/") for _ in range(10)] == [Fault.RESET] * 5 + [None] * 5


def test_without_faults_it_is_not_noticed(proxy: Proxy, label_studio: Place) -> None:
    with LabelStudio(proxy.url, label_studio.token) as studio:
        assert studio.version().startswith("1.")
        assert studio.whoami().email
    assert not proxy.dealt
