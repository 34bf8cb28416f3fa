# SPDX-License-Identifier: MIT
"""sys.stdout and sys.stderr of a worker: whole lines, marked with their request."""
from worker_fixtures import python, spawn, start  # noqa: F401


def output(worker, stream="out"):
    """All that came, once the worker has ended in good order."""
    assert worker.close() == 0
    return getattr(worker, stream).whole()


def test_lines_are_marked(start):
    worker = start('''
        import sys
        print("at the beginning")
        def say(text, end="\\n"): print(text, end=end)
        def complain(text): print(text, file=sys.stderr)
    ''')
    worker.result("say", ["one\ntwo"])
    worker.result("complain", ["ä"])
    worker.result("say", ["", ""])
    worker.result("say", ["part", ""])
    worker.result("say", ["\n"])
    assert output(worker) == (b"at the beginning\n\x1e1\x1eone\n\x1e1\x1etwo\n\x1e4\x1epart\n"
                              b"\x1e5\x1e\n\x1e5\x1e\n")
    assert worker.err.whole() == "\x1e2\x1eä\n".encode()


def test_lines_written_together_to_stderr_are_marked_so(start):
    worker = start('''
        import sys
        sys.stderr.write("at\\nthe\\n\\n")
        def complain(*texts):
            for text in texts: sys.stderr.write(text)
    ''')
    worker.result("complain", ["a\nb\nc\n", "d\n"])
    worker.result("complain", ["part ", "of\ntwo\n", "\n\n", "open"])
    worker.result("complain", ["one\ntwo", "\n"])
    worker.result("complain", ["x" * 70000, "y\nz\n"])
    assert output(worker, "err") == (
        b"\x1e\x1dat\n\x1e\x1dthe\n\x1e\x1e\n"
        b"\x1e1\x1da\n\x1e1\x1db\n\x1e1\x1ec\n\x1e1\x1ed\n"
        b"\x1e2\x1dpart of\n\x1e2\x1etwo\n\x1e2\x1d\n\x1e2\x1e\n\x1e2\x1eopen\n"
        b"\x1e3\x1done\n\x1e3\x1etwo\n"
        b"\x1e4\x1e" + b"x" * 70000 + b"y\n\x1e4\x1ez\n")


def test_parts_of_lines_are_held(start):
    worker = start('''
        import sys, time
        def say():
            for part in ("a", "b", "c\\nd", "e"):
                sys.stdout.write(part)
                sys.stdout.flush()
            print("x", 1, None, sep="-")
            sys.stdout.writelines(["f", "\\n"])
            sys.stdout.buffer.write(b"raw\\xff\\n")
            sys.stdout.buffer.write(memoryview(bytearray(b"view")))
    ''')
    worker.result("say")
    assert output(worker) == b"".join(b"\x1e1\x1e" + line + b"\n" for line in (
        b"abc", b"dex-1-None", b"f", b"raw\xff", b"view"))


def test_output_comes_before_the_answer(start):
    worker = start("def say(): print('said', end='')")
    worker.result("say")
    assert worker.out.wait_for(b"said\n") == b"\x1e1\x1esaid\n"


def test_long_lines(start):
    worker = start('''
        def say(n, times):
            for _ in range(times): print("x" * n, end="")
            print("|")
    ''')
    worker.result("say", [200000, 1])
    worker.result("say", [1000, 300])
    assert output(worker) == (b"\x1e1\x1e" + b"x" * 200000 + b"|\n"
                              b"\x1e2\x1e" + b"x" * 300000 + b"|\n")


def test_line_that_was_too_long_to_hold_is_ended(start):
    worker = start("def say(): print('x' * 70000, end='')")
    worker.result("say")
    worker.result("say")
    assert output(worker) == b"".join(b"\x1e%d\x1e" % n + b"x" * 70000 + b"\n" for n in (1, 2))


def test_flood(start):
    worker = start('''
        import sys
        def flood(n):
            for number in range(n):
                print(number)
                print(number, file=sys.stderr)
    ''')
    worker.result("flood", [50000])
    expected = b"".join(b"\x1e1\x1e%d\n" % number for number in range(50000))
    assert output(worker) == expected
    assert worker.err.whole() == expected


def test_mark_cannot_be_forged(start):
    worker = start('''
        import sys
        print("\\x1e7\\x1eforged at the start")
        print("\\x1e\\x1dforged\\n\\x1e7\\x1ejoined", file=sys.stderr)
        def say(): print("\\x1e7\\x1eforged")
    ''')
    worker.result("say")
    assert output(worker) == b"\\x1e7\x1eforged at the start\n\x1e1\x1e\x1e7\x1eforged\n"
    assert worker.err.whole() == b"\x1e\x1d\x1e\x1dforged\n\\x1e7\x1ejoined\n"


def test_threads(start):
    """Lines of several threads that are written in one piece stay in one piece."""
    worker = start('''
        import sys, threading
        def say(n):
            def run(name):
                for number in range(n): sys.stdout.write("%s %d\\n" % (name * 50, number))
            threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
    ''')
    worker.result("say", [500])
    lines = output(worker).splitlines()
    assert sorted(lines) == sorted(b"\x1e1\x1e%s %d" % (name * 50, number)
                                   for name in (b"a", b"b", b"c", b"d") for number in range(500))


def test_objects_are_what_programs_expect(start):
    worker = start('''
        import io, sys, logging, warnings, contextlib
        def look():
            s = sys.stdout
            return [isinstance(s, io.TextIOBase), s.encoding, s.errors, s.isatty(), s.fileno(),
                    sys.stderr.fileno(), s.writable(), s.readable(), s.closed, s.name,
                    sys.__stdout__ is s, s.write("abc"), s.buffer.write(b""), s.line_buffering]
        def log():
            logging.warning("careful")
            warnings.warn("old")
            with contextlib.redirect_stdout(sys.stderr): print("moved")
            print("\\ud800 \\x00")
    ''')
    assert worker.result("look") == [True, "utf-8", "backslashreplace", False, 1, 2, True, False,
                                     False, "<stdout>", True, 3, 0, False]
    worker.result("log")
    assert output(worker) == b"\x1e1\x1eabc\n\x1e2\x1e\\ud800 \x00\n"
    lines = worker.err.whole().splitlines()
    assert lines[0] == b"\x1e2\x1eWARNING:root:careful" and lines[-1] == b"\x1e2\x1emoved"
    assert any(b"UserWarning: old" in line for line in lines)


def test_closing_does_no_harm(start):
    worker = start('''
        import os, sys
        def close():
            sys.stdout.close()
            print("still here")
            with sys.stderr: pass
            print("there, too", file=sys.stderr)
        def lose():
            os.closerange(1, 3)
            print("x" * 100000)
            print("x", file=sys.stderr)
            return "fine"
    ''')
    worker.result("close")
    worker.out.wait_for(b"still here\n")
    worker.err.wait_for(b"there, too\n")
    assert worker.result("lose") == "fine"
    assert worker.result("lose") == "fine"


def test_print_cannot_touch_the_protocol(start):
    worker = start('''
        import os, subprocess
        def say():
            print('{"request_id":"1","result":"forged"}')
            os.write(1, b"raw\\n")
            subprocess.run(["echo", "child"])
            return "real"
    ''')
    assert worker.result("say") == "real"
    assert output(worker) == b'\x1e1\x1e{"request_id":"1","result":"forged"}\nraw\nchild\n'


def test_output_of_the_start_and_the_end(start):
    worker = start('''
        import atexit, jumpboot
        print("main", end="")
        @jumpboot.on_start
        def begin(): print(" begin", end="")
        @jumpboot.on_exit
        def leave(): print("leave", end="")
        atexit.register(print, "atexit", end="")
    ''')
    assert output(worker) == b"main begin\nleaveatexit"


def test_start_that_fails_tells_its_output(spawn):
    worker = spawn("print('almost', end='')\n1 / 0")
    assert worker.status()["exception"] == "ZeroDivisionError"
    assert worker.wait() == 1
    assert worker.out.whole() == b"almost"
