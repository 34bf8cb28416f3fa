# SPDX-License-Identifier: MIT
"""The envelope scanner against Python's json made strict, on random texts.

Half of the texts come from a grammar, the others are such texts damaged in many ways, or bytes out
of nowhere. The verdict, the place of an error and the spans of members must be what Python's json
says of the same bytes. JUMPBOOT_TEST_SEED repeats a run.
"""
import json
import os
import pathlib
import random
import struct
import subprocess

import pytest

DEPTH_MAX = 256
MEMBERS_MAX = 32
MAX_ELEMENTS = 3
NAMES = ["id", "method", "params", "", "\u00e9", "\U0001f600", "a\nb\"\\"]
TEXTS = 25_000
TEXTS_FOR_OFFSETS = 6_000
WHITE = b" \t\r"


# ---- the oracle ------------------------------------------------------------------------------

class Pairs(list):
    """An object as its members stand: a dict would lose those that stand twice."""


def refuse(word):
    raise ValueError(f"{word} is not JSON")


def strict(text):
    """The value of the text, or ValueError. Numbers stay text."""
    value = json.loads(text.decode("utf-8", "strict"), object_pairs_hook=Pairs,
                       parse_constant=refuse, parse_int=lambda n: ("number", n),
                       parse_float=lambda n: ("number", n))
    if depth_of(value) > DEPTH_MAX:
        raise ValueError("too deep")
    return value


def depth_of(value):
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, list):
            deepest = max(deepest, depth)
            children = [member for _, member in value] if isinstance(value, Pairs) else value
            waiting += [(child, depth + 1) for child in children]
    return deepest


def is_valid(text):
    try:
        strict(text)
    except (ValueError, RecursionError):
        return False
    return True


def kind_of(value):
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Pairs):
        return "object"
    return {str: "string", list: "array", tuple: "number"}[type(value)]


class Place:
    """Where a text that is right so far has come to: open brackets, in a string, in an escape."""

    def __init__(self, text):
        self.closers, self.in_string, self.in_escape = bytearray(), False, 0
        self.balanced = True
        for byte in text:
            if self.in_escape:
                self.in_escape = 4 if self.in_escape == 5 and byte == ord("u") else \
                    0 if self.in_escape == 5 else self.in_escape - 1
            elif self.in_string:
                self.in_escape = 5 if byte == ord("\\") else 0
                self.in_string = byte != ord('"')
            elif byte == ord('"'):
                self.in_string = True
            elif byte in b"[{":
                self.closers.append(byte + 2)
            elif byte in b"]}":
                self.balanced &= bool(self.closers) and self.closers.pop() == byte


# What may finish a token, and then a member.
TAILS = [b"", b"0", b'"', b'""', b'n"', b'0"', b'00"', b'000"', b'0000"',
         b"rue", b"ue", b"e", b"alse", b"lse", b"se", b"ull", b"ll", b"l",
         b'\x80"', b'\x80\x80"', b'\x80\x80\x80"', b'\xa0\x80"', b'\x90\x80\x80"']
AFTERS = [b"", b":0"]


def can_be_completed(text):
    """Whether some text that begins so is JSON, its depth besides."""
    place = Place(text)
    if not place.balanced:
        return False
    closers = bytes(reversed(place.closers))
    return any(is_valid(text + tail + after + closers) for tail in TAILS for after in AFTERS)


def is_utf8_so_far(text):
    try:
        text.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


# ---- what is compared ------------------------------------------------------------------------

def check_span(text, span, value):
    kind, offset, length = span
    assert kind == kind_of(value)
    raw = text[offset:offset + length]
    assert raw == raw.strip(WHITE)
    assert strict(raw) == value


def check_message(text, message, value):
    check_span(text, message["value"], value)
    first = {}
    for name, member in value if isinstance(value, Pairs) else []:
        first.setdefault(name, member)
    for name, span in zip(NAMES, message["members"]):
        if name in first:
            check_span(text, span, first[name])
        else:
            assert span == ["absent", 0, 0]
    if isinstance(value, Pairs) and len(value) > MEMBERS_MAX:
        assert message["fault"] != "none"
    elif isinstance(value, Pairs):
        assert message["fault"] == ("none" if len(first) == len(value) else "twice")


def check_value(text, result, value, max_elements):
    assert result["error"] == "ok"
    is_batch = max_elements > 0 and type(value) is list
    assert result["batch"] == is_batch
    if is_batch:
        assert result["overflow"] == (len(value) > max_elements)
        assert len(result["elements"]) == min(len(value), max_elements)
        for message, element in zip(result["elements"], value):
            check_message(text, message, element)
        check_span(text, result["message"]["value"], value)
    else:
        assert result["elements"] == []
        check_message(text, result["message"], value)


def check_verdict(text, result, max_elements):
    assert result["length"] == len(text)
    assert result["blank"] == (not text.strip(WHITE))
    try:
        value = strict(text)
    except (ValueError, RecursionError):
        assert (result["error"] != "ok") != result["blank"]
        return
    check_value(text, result, value, max_elements)


def check_offset(text, result):
    """The error stands at the first byte after which no text could be JSON any more."""
    offset, error = result["offset"], result["error"]
    before, place = text[:offset], Place(text[:offset])
    assert not before.strip(WHITE) or can_be_completed(before)
    assert (error == "truncated") == (offset == len(text))
    if error == "truncated":
        return
    assert not can_be_completed(text[:offset + 1])
    assert (error == "depth") == (len(place.closers) == DEPTH_MAX and
                                  text[offset] in b"[{" and not place.in_string)
    in_text = place.in_string and not place.in_escape
    assert (error == "utf8") == (in_text and not is_utf8_so_far(text[:offset + 1]))


# ---- texts -----------------------------------------------------------------------------------

CHARACTERS = ["a", "Z", "0", " ", "/", "'", "{", "]", ",", ":", "\x7f", "\u00e9", "\u07ff",
              "\u20ac", "\ud7ff", "\ufeff", "\uffff", "\U0001f600", "\U0010ffff"]
PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\u00", b"\\ud83d",
          b"\\ude00", b"true", b"false", b"null", b"nul", b"NaN", b"Infinity", b"-", b"0", b"1",
          b".", b"e", b"E+", b" ", b"\t", b"\r", b"\0", b"\x1f", b"\x7f", b"\x80", b"\xc0\x80",
          b"\xc3", b"\xc3\xa9", b"\xe0\x80", b"\xe2\x82", b"\xed\xa0\x80", b"\xef\xbb\xbf",
          b"\xf0\x9f\x98", b"\xf4\x90", b"\xff", b'"id"', b'"id":1,', b"//", b"'"]


class Texts:
    """Random texts as lists of tokens, so that damage can respect their borders."""

    def __init__(self, rng):
        self.rng = rng

    def white(self):
        if self.rng.random() < 0.85:
            return b""
        return bytes(self.rng.choice(WHITE) for _ in range(self.rng.randint(1, 3)))

    def character(self, character):
        how = self.rng.random()
        if how < 0.7:
            raw = json.dumps(character, ensure_ascii=False)[1:-1]
        elif how < 0.75:
            raw = self.rng.choice(["\\n", "\\t", '\\"', "\\\\", "\\/", "\\b", "\\f", "\\r",
                                   "\\u0000", "\\ud83d", "\\ude00"])
        else:
            units = character.encode("utf-16-be", "surrogatepass")
            form = self.rng.choice(["\\u%04x", "\\u%04X"])
            raw = "".join(form % unit for unit in struct.unpack(f">{len(units) // 2}H", units))
        return raw.encode("utf-8", "surrogatepass")

    def string(self, text=None):
        if text is None:
            text = self.rng.choices(CHARACTERS, k=int(self.rng.expovariate(0.2)))
            if self.rng.random() < 0.1:
                text += ["x"] * self.rng.randint(10, 40)
        return b'"' + b"".join(self.character(c) for c in text) + b'"'

    def name(self):
        if self.rng.random() < 0.6:
            return self.string(self.rng.choice(NAMES))
        return self.string(self.rng.choices("ab\u00e9", k=self.rng.randint(0, 4)))

    def number(self):
        rng = self.rng
        integer = rng.choice(["0", "7", "10", str(rng.randint(1, 10**rng.randint(1, 25)))])
        fraction = rng.choice(["", "", "." + str(rng.randint(0, 10**6))])
        exponent = rng.choice(["", "", rng.choice("eE") + rng.choice(["", "+", "-"]) +
                               str(rng.randint(0, 400))])
        return (rng.choice(["", "", "-"]) + integer + fraction + exponent).encode()

    def scalar(self):
        how = self.rng.random()
        if how < 0.4:
            return self.string()
        if how < 0.8:
            return self.number()
        return self.rng.choice([b"true", b"false", b"null"])

    def value(self, depth=0):
        how = self.rng.random() + (0.15 * depth)
        if how < 0.5:
            return self.container(b"{", b"}", depth)
        if how < 0.7:
            return self.container(b"[", b"]", depth)
        return [self.white(), self.scalar(), self.white()]

    def container(self, begin, end, depth):
        n = self.rng.choice([0, 1, 2, 3, 5])
        if self.rng.random() < 0.02:
            n = self.rng.randint(20, 40)
        tokens = [self.white(), begin]
        for i in range(n):
            tokens += [b","] if i else []
            if begin == b"{":
                tokens += [self.white(), self.name(), self.white(), b":"]
            tokens += self.value(depth + 2 if n > 5 else depth + 1)
        return tokens + [self.white(), end, self.white()]

    def deep(self):
        depth = self.rng.choice([255, 256, 257, 300])
        opens = [self.rng.choice([b"[", b'{"a":']) for _ in range(depth)]
        return opens + [self.scalar()] + [bytes([o[0] + 2]) for o in reversed(opens)]

    def damage_tokens(self, tokens):
        tokens = list(tokens)
        for _ in range(self.rng.choice([1, 1, 2])):
            i, j = self.rng.randrange(len(tokens) + 1), self.rng.randrange(len(tokens) + 1)
            how = self.rng.randrange(5)
            if how == 0:
                tokens.insert(i, self.rng.choice(PIECES))
            elif how == 1:
                del tokens[i:i + self.rng.randint(1, 3)]
            elif how == 2:
                tokens.insert(i, b"".join(tokens[min(i, j):max(i, j)]))
            elif how == 3 and i < len(tokens) and j < len(tokens):
                tokens[i], tokens[j] = tokens[j], tokens[i]
            elif i < len(tokens):
                tokens[i] = self.rng.choice(PIECES)
        return b"".join(tokens)

    def damage_bytes(self, text):
        text = bytearray(text)
        for _ in range(self.rng.choice([1, 1, 1, 2, 4])):
            i, how = self.rng.randrange(len(text) + 1), self.rng.randrange(5)
            if how == 0:
                text[i:i] = self.rng.choice(PIECES)
            elif how == 1:
                del text[i:i + self.rng.randint(1, 3)]
            elif how == 2:
                text[i:i + 1] = bytes([self.rng.randrange(256)])
            elif how == 3 and i < len(text):
                text[i] ^= 1 << self.rng.randrange(8)
            else:
                del text[i:]
        return bytes(text)

    def text(self):
        how = self.rng.random()
        if how < 0.03:
            return bytes(self.rng.randrange(256) for _ in range(self.rng.randint(0, 12)))
        if how < 0.08:
            return b"".join(self.rng.choices(PIECES, k=self.rng.randint(0, 8)))
        tokens = self.value() if how > 0.09 else self.deep()
        if how < 0.5:
            return b"".join(tokens)
        if how < 0.75:
            return self.damage_tokens(tokens)
        return self.damage_bytes(b"".join(tokens))

    def line(self):
        return self.text().replace(b"\n", b"")


# ---- the test --------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def tool():
    build = os.environ.get("JUMPBOOT_BUILD")
    if build is None:
        pytest.skip("JUMPBOOT_BUILD does not name the build directory")
    return pathlib.Path(build) / "tests/integration/tools/envelope_check"


@pytest.fixture(scope="module")
def seed():
    value = int(os.environ.get("JUMPBOOT_TEST_SEED") or random.SystemRandom().getrandbits(32))
    print(f"JUMPBOOT_TEST_SEED={value}")
    return value


@pytest.fixture(scope="module")
def texts(seed):
    maker = Texts(random.Random(seed))
    return [maker.line() for _ in range(TEXTS)]


def scan(tool, mode, max_elements, texts):
    stdin = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    done = subprocess.run([tool, str(mode), str(max_elements), *NAMES], input=stdin,
                          stdout=subprocess.PIPE, check=True)
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(texts)
    return results


@pytest.mark.parametrize("max_elements", [0, MAX_ELEMENTS])
def test_scanner_agrees_with_python(tool, seed, texts, max_elements):
    results = scan(tool, "whole", max_elements, texts)
    n_good = 0
    for text, result in zip(texts, results):
        try:
            check_verdict(text, result, max_elements)
        except AssertionError as error:
            raise AssertionError(f"JUMPBOOT_TEST_SEED={seed}: {text!r}: {result}") from error
        n_good += result["error"] == "ok"
    # texts of both kinds in plenty, or the test says little
    assert TEXTS / 5 < n_good < TEXTS * 4 / 5


@pytest.mark.parametrize("max_elements", [0, MAX_ELEMENTS])
def test_pieces_make_no_difference(tool, seed, texts, max_elements):
    whole = scan(tool, "whole", max_elements, texts)
    for mode in ("bytes", seed, seed + 2):
        for text, one, other in zip(texts, whole, scan(tool, mode, max_elements, texts)):
            assert one == other, f"JUMPBOOT_TEST_SEED={seed}: fed as {mode}: {text!r}"


def test_errors_stand_at_the_first_wrong_byte(tool, seed, texts):
    bad = [(text, result) for text, result in zip(texts, scan(tool, "whole", 0, texts))
           if result["error"] != "ok" and len(text) < 2000]
    assert {result["error"] for _, result in bad} == {"syntax", "utf8", "depth", "truncated"}
    for text, result in bad[:TEXTS_FOR_OFFSETS]:
        try:
            check_offset(text, result)
        except AssertionError as error:
            raise AssertionError(f"JUMPBOOT_TEST_SEED={seed}: {text!r}: {result}") from error
