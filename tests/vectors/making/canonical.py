"""RFC 8785 by a library that goldseal does not use: numbers by their bits, and documents before and after."""

import json
import math
import random
import struct

import rfc8785

from .bundle import HERE

DOCUMENTS = [
    '{"b":1,"a":2}',
    '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}',
    '{"\\uff5e":1,"\\ud83d\\ude00":2,"\\ue000":3,"\\ud800\\udc00":4,"\\uffff":5}',
    '{"":{"":[]},"a":{},"A":[{}]}',
    '["\\u0000\\u0001\\u0007\\b\\t\\n\\u000b\\f\\r\\u001f\\u007f\\u0080\\u2028\\u2029\\"\\\\\\/"]',
    " [ 1 , 1.0 , 1e0 , 10E-1 , -0 , -0.0 , 0e9 , 1e21 , 1e-7 , 333333333.33333329 ] ",
    '[true,false,null,"",[],{}]',
    '"\\u00e9 and e\\u0301 stay two spellings"',
    '{"p\\u00eache":"a locale would","peach":"sort these","p\\u00e9ch\\u00e9":"in another","sin":"order"}',
    '{"10":1,"9":2,"1":3,"01":4,"a1":5,"a10":6,"a9":7}',
    "[4.50,2e-3,0.000000000000000000000000001,1E30,9007199254740991,-9007199254740991]",
    '{"deviceName":"/dev/xvda","encrypted":true,"volumeSize":8,"snapshotId":"snap-0123456789abcdef0"}',
]


def numbers():
    """Borders of the shortest form, of exponents and of integers, and numbers by chance."""
    chosen = [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 2.2250738585072014e-308, 2.225073858507201e-308]
    chosen += [
        9007199254740991.0,
        9007199254740992.0,
        9007199254740994.0,
        295147905179352830000.0,
        1e23,
        9.999999999999999e22,
    ]
    chosen += [
        1.0 / 3,
        2.0 / 3,
        0.1,
        0.2,
        0.1 + 0.2,
        math.pi,
        math.e,
        1424953923781206.2,
        333333333.3333332,
        333333333.33333343,
    ]
    chosen += [sign * float(f"1e{e}") for e in range(-30, 31) for sign in (1, -1)]
    for border in [1e21, 1e-6, 1e-7, 1e20, 2.0**53, 2.0**63, 2.0**64, 1.0, 4.35, 0.5, 1e300, 1e-300]:
        chosen += [math.nextafter(border, -math.inf), border, math.nextafter(border, math.inf)]
    chosen += [2.0**e for e in range(-1074, 1024, 37)] + [float(10**e - 1) for e in range(1, 23)]
    source = random.Random("goldseal")
    while len(chosen) < 500:
        number = struct.unpack(">d", source.getrandbits(64).to_bytes(8))[0]
        if math.isfinite(number):
            chosen.append(number)
    return chosen


def make():
    folder = HERE / "jcs"
    folder.mkdir(exist_ok=True)
    rows = [[struct.pack(">d", number).hex(), rfc8785.dumps(number).decode()] for number in numbers()]
    (folder / "numbers.json").write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    pairs = [{"input": text, "output": rfc8785.dumps(as_doubles(json.loads(text))).decode()} for text in DOCUMENTS]
    (folder / "documents.json").write_text(json.dumps(pairs, indent=1) + "\n")


def as_doubles(value):
    """RFC 8785 knows doubles only; Python's reader makes integers of some."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(value)
        case list():
            return [as_doubles(one) for one in value]
    return {key: as_doubles(one) for key, one in value.items()}
