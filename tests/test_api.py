"""The names of the package itself."""

import pytest

import hvrepl
from hvrepl.errors import NotFoundError, UsageError


def test_decode_gives_the_object_that_the_command_line_prints() -> None:
    node = hvrepl.decode("guest-id", 0x818000050FA7042F)
    assert node.to_dict()["summary"] == "Linux 5.15.167, Ubuntu (Canonical), package ABI 1071"
    assert hvrepl.decode("sint2", 0x10013, arch="arm64").name == "HV_REGISTER_SINT2"
    assert hvrepl.decode("sint2", -1).raw == "0xffffffffffffffff"


def test_encode_gives_back_what_decode_takes() -> None:
    assert hvrepl.encode("guest-id", kernel="6.6.87") == 0x8100000606570000
    assert hvrepl.encode("sint2", 0x200F3, masked=1) == 0x300F3
    message = hvrepl.encode("message", message_type="HVMSG_TIMER_EXPIRED", **{"payload.timer_index": 1})
    assert isinstance(message, bytes)
    part = hvrepl.decode("message", message).find("payload.timer_index")
    assert part is not None
    assert part.value == 1


@pytest.mark.parametrize(
    ("what", "value", "error"),
    [
        pytest.param("nosuch", 1, NotFoundError, id="unknown name"),
        pytest.param("sint2", 1 << 64, UsageError, id="too wide"),
        pytest.param("sint2", b"\0", UsageError, id="too few bytes"),
        pytest.param("message", 1, UsageError, id="a number for a struct"),
        pytest.param("message", b"\0", UsageError, id="less than the head"),
    ],
)
def test_what_cannot_be_decoded_is_refused(what: str, value: int | bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        hvrepl.decode(what, value)


def test_an_unknown_arch_is_refused() -> None:
    with pytest.raises(UsageError, match="no arch 'mips'; there are x64, arm64"):
        hvrepl.decode("sint2", 1, arch="mips")
