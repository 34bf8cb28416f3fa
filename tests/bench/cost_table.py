# SPDX-License-Identifier: MIT
"""The table of counts in HACKING.md, and what the counts depend on besides our own code."""
import ctypes
import platform
import re
import subprocess

BEGIN = "<!-- counts: written by tests/bench/count -->"
END = "<!-- counts: end -->"


def _version(command, pattern):
    found = re.search(pattern, subprocess.run(command, capture_output=True, text=True).stdout)
    return found[1] if found else "unknown"


def _libevent_version(binary):
    path = _version(["ldd", binary], r"libevent_core\S* => (\S+)")
    get_version = ctypes.CDLL(path).event_get_version
    get_version.restype = ctypes.c_char_p
    return get_version().decode()


class Environment(dict):
    """Versions: with others the same code costs another number of instructions."""

    @classmethod
    def of(cls, binary):
        text = binary.read_bytes()
        if b"__asan_init" in text:
            raise SystemExit(f"count: {binary} has sanitizers in it: take a build without them")
        compiler = re.search(rb"clang version [\d.]+", text) or re.search(rb"GCC: \([^)]*\) [\d.]+",
                                                                        text)
        return cls(
            machine=platform.machine(),
            compiler=compiler[0].decode() if compiler else "unknown",
            glibc=platform.libc_ver()[1],
            libevent=_libevent_version(str(binary)),
            valgrind=_version(["valgrind", "--version"], r"valgrind-(\S+)"),
        )

    def differences(self, other):
        return [f"{name} {self.get(name)}, here {value}"
                for name, value in other.items() if self.get(name) != value]

    def text(self):
        return "; ".join(f"{name} {value}" for name, value in self.items())

    @classmethod
    def read(cls, text):
        return cls(item.split(" ", 1) for item in text.split("; "))


class Table:
    """Instructions and system calls by case, and how much instructions grow."""

    def __init__(self, environment):
        self.environment = environment
        self.instructions = {}
        self.system_calls = {}
        self.growth = {}

    def text(self):
        lines = ["| one request | instructions | system calls |", "|---|--:|--:|"]
        for name, count in self.instructions.items():
            calls = self.system_calls.get(name)
            lines.append(f"| {name} | {count:,.0f} | {'' if calls is None else f'{calls:.2f}'} |")
        lines += ["", "| instructions | grow by a factor of |", "|---|--:|"]
        lines += [f"| {name} | {ratio:.3f} |" for name, ratio in self.growth.items()]
        lines += ["", f"Counted with {self.environment.text()}."]
        return "\n".join(lines)

    def write(self, path):
        text = path.read_text()
        pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
        assert pattern.search(text), f"{path} has no lines {BEGIN} and {END}"
        path.write_text(pattern.sub(lambda _: f"{BEGIN}\n{self.text()}\n{END}", text))

    @classmethod
    def read(cls, path):
        """The table that stands in the file; None: there is none yet."""
        text = path.read_text().partition(BEGIN)[2].partition(END)[0]
        environment = re.search(r"^Counted with (.*)\.$", text, re.MULTILINE)
        if not environment:
            return None
        table = cls(Environment.read(environment[1]))
        for name, instructions, calls in re.findall(r"^\| (.*) \| ([\d,]+) \| ([\d.]*) \|$", text,
                                                    re.MULTILINE):
            table.instructions[name] = float(instructions.replace(",", ""))
            if calls:
                table.system_calls[name] = float(calls)
        for name, ratio in re.findall(r"^\| (.*) \| (\d+\.\d{3}) \|$", text, re.MULTILINE):
            table.growth[name] = float(ratio)
        return table

    def grown_since(self, noted, factor):
        """What costs more than the factor allows, or is not in the noted table, one line each."""
        faults = []
        for what in "instructions", "system_calls":
            before = getattr(noted, what)
            for name, count in getattr(self, what).items():
                if name not in before:
                    faults.append(f"{name}: there are no {what} in the table yet")
                elif count > before[name] * factor:
                    faults.append(f"{name}: {count:,.2f} {what.replace('_', ' ')}, "
                                  f"{count / before[name] - 1:.0%} more than the "
                                  f"{before[name]:,.2f} in the table")
        return faults
