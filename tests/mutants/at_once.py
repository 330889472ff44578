"""Every mutant that `cargo mutants` lists, in one build: which of them lives is chosen when the tests run.

cargo-mutants builds each mutant on its own, which is eleven seconds of a processor for each of three thousand. Here all of
them are written into a copy of the core beside what is there, each behind the number that the variable MUTANT names; what does
not compile is taken out again until the rest does. The list, and the words for a mutant, are cargo-mutants' own.

    at_once.py build --list LIST.json --tree COPY [--source DIR]
        writes mutants into COPY, of which DIR has the original, and builds its tests
    at_once.py run --tree COPY --results FILE [--slow EXPLAINED] [--jobs N] [PATTERN…]
        runs those whose file matches, and appends `WHAT<TAB>MUTANT<TAB>SECONDS`; or asks the slow tests of what the others missed
        and EXPLAINED does not name

First it looks which mutants each test comes by: only those tests can notice one.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tree_sitter
import tree_sitter_rust

RUST = tree_sitter.Language(tree_sitter_rust.language())
CORE = Path("src/core")
CHOOSE = """//! Which mutant lives, and which were reached.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

static SEEN: [AtomicBool; 16384] = [const { AtomicBool::new(false) }; 16384];

/// Returns the number of the one that lives, 0 is none, and where to write those that were reached.
fn chosen() -> &'static (usize, Option<File>) {
    static CHOSEN: OnceLock<(usize, Option<File>)> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        let number = std::env::var("MUTANT").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        let file = std::env::var_os("MUTANTS_REACHED").map(|path| OpenOptions::new().append(true).create(true).open(path).unwrap());
        (number, file)
    })
}

/// Returns the one that lives, where one of these could.
pub(crate) fn at(numbers: &[usize]) -> usize {
    let (number, reached) = chosen();
    if let Some(mut file) = reached.as_ref() {
        for one in numbers {
            if !SEEN[*one].swap(true, Ordering::Relaxed) {
                file.write_all(format!("{one}\\n").as_bytes()).unwrap();
            }
        }
    }
    *number
}

/// Says whether it is this one.
pub(crate) fn on(number: usize) -> bool {
    at(&[number]) == number
}
"""


# Seconds. Such tests turn every bit of something, or make something huge: they are asked only of what nothing else noticed.
SLOW = 1.0


class Writer:
    """One source file with its mutants."""

    def __init__(self, source: bytes, mutants: dict[int, dict]):
        self.source = source
        self.tree = tree_sitter.Parser(RUST).parse(source)
        self.starts = [0] + [at + 1 for at, byte in enumerate(source) if byte == 10]
        self.wraps: dict[tuple[int, int, str], list[int]] = {}
        self.mutants = mutants
        self.left_out: list[int] = []
        for number, mutant in mutants.items():
            if not self.place(number, mutant):
                self.left_out.append(number)

    def offset(self, place: dict) -> int:
        start = self.starts[place["line"] - 1]
        line = self.source[start:].split(b"\n", 1)[0].decode()
        return start + len(line[: place["column"] - 1].encode())

    def place(self, number: int, mutant: dict) -> bool:
        start, end = self.offset(mutant["span"]["start"]), self.offset(mutant["span"]["end"])
        node = self.tree.root_node.descendant_for_byte_range(start, max(start, end - 1))
        wanted = {
            "FnValue": ("function_item",),
            "BinaryOperator": ("binary_expression", "compound_assignment_expr"),
            "UnaryOperator": ("unary_expression",),
            "MatchArmGuard": ("match_pattern",),
            "MatchArm": ("match_arm",),
            "StructField": ("field_initializer", "shorthand_field_initializer"),
        }[mutant["genre"]]
        while node is not None and node.type not in wanted:
            node = node.parent
        if node is None:
            return False
        if mutant["genre"] == "MatchArm":
            node = node.child_by_field_name("pattern")
        if mutant["genre"] in ("BinaryOperator", "UnaryOperator") and node.start_byte > start:
            return False
        if mutant["genre"] == "MatchArmGuard" and b"let " in self.text(node):
            return False
        above = node
        while above is not None:
            modifiers = above.type == "function_item" and self.source[above.start_byte : above.end_byte].split(b"{")[0]
            if above.type in ("const_item", "static_item", "token_tree", "attribute_item") or (
                modifiers and re.search(rb"\bconst\b.*\bfn\b", modifiers.split(b"fn ")[0] + b"fn ")
            ):
                return False
            above = above.parent
        if mutant["genre"] == "FnValue" and b"impl " in self.text(node).split(b"{")[0].split(b"->")[-1]:
            return False
        self.wraps.setdefault((node.start_byte, node.end_byte, node.type), []).append(number)
        return True

    def text(self, node) -> bytes:
        return self.source[node.start_byte : node.end_byte]

    def emit(self, node) -> bytes:
        numbers = self.wraps.get((node.start_byte, node.end_byte, node.type), [])
        if not numbers:
            return self.plain(node)
        if node.type == "function_item":
            return self.function(node, numbers)
        # What does not compile around a mutant is its doing as well.
        return b"/*[%d*/%s/*%d]*/" % (numbers[0], self.wrapped(node, numbers), numbers[0])

    def wrapped(self, node, numbers: list[int]) -> bytes:
        if node.type == "match_pattern":
            return self.pattern(node, numbers)
        if node.type == "binary_expression":
            return self.binary(node, numbers)
        if node.type == "compound_assignment_expr":
            left, right = self.emit(node.child_by_field_name("left")), self.emit(node.child_by_field_name("right"))
            operator = self.text(node.child_by_field_name("operator"))
            arms = [self.arm(n, b"{ " + left + b" " + self.replacement(n) + b" " + right + b"; }") for n in numbers]
            return self.match(arms, b"{ " + left + b" " + operator + b" " + right + b"; }")
        if node.type == "unary_expression":
            operand = self.emit(node.children[-1])
            operator = self.source[node.start_byte : node.children[-1].start_byte]
            return self.match([self.arm(n, operand) for n in numbers], operator + operand)
        if node.type == "shorthand_field_initializer":
            name = self.text(node)
            return name + b": " + self.match([self.arm(n, self.base(node, name)) for n in numbers], name)
        if node.type == "field_initializer":
            name, value = self.text(node.child_by_field_name("field")), node.child_by_field_name("value")
            arms = [self.arm(n, self.base(node, name)) for n in numbers]
            return name + b": " + self.match(arms, self.emit(value))
        raise AssertionError(node.type)

    def plain(self, node) -> bytes:
        if not node.children:
            return self.text(node)
        pieces, at = [], node.start_byte
        for child in node.children:
            pieces += [self.source[at : child.start_byte], self.emit(child)]
            at = child.end_byte
        return b"".join(pieces) + self.source[at : node.end_byte]

    def replacement(self, number: int) -> bytes:
        return self.mutants[number]["replacement"].encode()

    @staticmethod
    def arm(number: int, value: bytes) -> bytes:
        return b"/*<%d*/ %d => %s /*%d>*/, " % (number, number, value, number)

    @staticmethod
    def chosen(arms: list[bytes]) -> bytes:
        numbers = b", ".join(re.match(rb"/\*<(\d+)", arm)[1] for arm in arms)
        return b"match crate::mutant::at(&[" + numbers + b"]) { " + b"".join(arms)

    @classmethod
    def match(cls, arms: list[bytes], otherwise: bytes) -> bytes:
        return b"(" + cls.chosen(arms) + b"_ => " + otherwise + b" })"

    def base(self, node, name: bytes) -> bytes:
        rest = next(child for child in node.parent.children if child.type == "base_field_initializer")
        return b"(" + self.source[rest.start_byte + 2 : rest.end_byte] + b")." + name

    def function(self, node, numbers: list[int]) -> bytes:
        body = node.child_by_field_name("body")
        head = self.source[node.start_byte : body.start_byte]
        arms = [self.arm(n, b"return " + self.replacement(n)) for n in numbers]
        return head + b"{ " + self.chosen(arms) + b"_ => {} }" + self.plain(body)[1:]

    def binary(self, node, numbers: list[int]) -> bytes:
        left, right = self.emit(node.child_by_field_name("left")), self.emit(node.child_by_field_name("right"))
        operator = self.text(node.child_by_field_name("operator"))
        if operator in (b"&&", b"||") and len(numbers) == 1:
            # One copy of each side, or chains would grow beyond measure.
            goes_on = b"!=" if operator == b"&&" else b"=="
            n = numbers[0]
            return b"({ let left__ = %s; if left__ %s /*<%d*/crate::mutant::on(%d)/*%d>*/ { %s } else { left__ } })" % (
                left, goes_on, n, n, n, right,
            )  # fmt: skip
        arms = [self.arm(n, left + b" " + self.replacement(n) + b" " + right) for n in numbers]
        return self.match(arms, left + b" " + operator + b" " + right)

    def pattern(self, node, numbers: list[int]) -> bytes:
        condition = node.child_by_field_name("condition")
        if condition is None:
            off = b" && ".join(b"/*<%d*/!crate::mutant::on(%d)/*%d>*/" % (n, n, n) for n in numbers)
            return self.plain(node) + b" if " + off
        head = self.source[node.start_byte : condition.start_byte]
        arms = [n for n in numbers if self.mutants[n]["genre"] == "MatchArmGuard"]
        whole = [n for n in numbers if n not in arms]
        guard = self.match([self.arm(n, self.replacement(n)) for n in arms], self.emit(condition))
        off = b"".join(b"/*<%d*/!crate::mutant::on(%d)/*%d>*/ && " % (n, n, n) for n in whole)
        return head + off + guard


def write(tree: Path, originals: dict[str, bytes], mutants: dict[int, dict]) -> set[int]:
    """Writes mutants into the copy; returns those that cannot be written this way."""
    left_out: set[int] = set()
    for name, source in originals.items():
        own = {number: one for number, one in mutants.items() if one["file"] == name}
        writer = Writer(source, own)
        left_out.update(writer.left_out)
        (tree / name).write_bytes(writer.emit(writer.tree.root_node))
    (tree / CORE / "mutant.rs").write_text(CHOOSE)
    lib = (tree / CORE / "lib.rs").read_text()
    if "mod mutant;" not in lib:
        (tree / CORE / "lib.rs").write_text(lib.replace("pub mod digest;", "mod mutant;\n\npub mod digest;", 1))
    return left_out


def cargo(tree: Path, *words: str) -> subprocess.CompletedProcess:
    command = ["cargo", *words, "--locked", "-p", "goldseal-core", "--lib", "--message-format", "json"]
    command += ["--config", "profile.dev.package.goldseal-core.opt-level=1"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def errors(output: str) -> list[dict]:
    """The errors of the compiler, with every place that they name."""
    found = []
    for line in output.splitlines():
        message = json.loads(line) if line.startswith("{") else {}
        if message.get("reason") == "compiler-message" and message["message"]["level"] == "error":
            found.append(message["message"])
    return found


def culprits(tree: Path, error: dict) -> set[int]:
    """The mutants within which an error stands, the innermost; or else all on its lines."""
    found: set[int] = set()
    for span in error["spans"] + [span for child in error["children"] for span in child["spans"]]:
        path = tree / span["file_name"]
        if not path.exists():
            continue  # in the standard library
        text = path.read_bytes()
        inner = None
        for opened in re.finditer(rb"/\*([<\[])(\d+)\*/", text):
            closed = text.find(b"/*%s%s*/" % (opened[2], {b"<": b">", b"[": b"]"}[opened[1]]), opened.end())
            if opened.start() <= span["byte_start"] and span["byte_end"] <= closed:
                inner = int(opened[2])
        if inner is not None:
            found.add(inner)
    if (error["code"] or {}).get("code") == "E0004":
        # An arm behind a condition is no arm to the compiler: such matches are left to cargo-mutants.
        for span in error["spans"]:
            lines = (tree / span["file_name"]).read_bytes()[span["byte_end"] :].split(b"\n")[:40]
            found.update(int(number) for number in re.findall(rb"/\*<(\d+)\*/!crate", b"\n".join(lines)))
    if not found:
        for span in error["spans"]:
            text = (tree / span["file_name"]).read_bytes()[span["byte_start"] : span["byte_end"]]
            found.update(int(number) for number in re.findall(rb"/\*<(\d+)\*/", text))
    return found


def build(arguments: argparse.Namespace) -> None:
    tree = arguments.tree
    listed = json.loads(arguments.list.read_text())
    originals = {name: (arguments.source / name).read_bytes() for name in sorted({one["file"] for one in listed})}
    mutants = dict(enumerate(listed, 1))
    unwritten = write(tree, originals, mutants)
    known = tree / "unviable.json"
    unviable: set[int] = set(json.loads(known.read_text())) if known.exists() else set()
    while True:
        alive = {number: one for number, one in mutants.items() if number not in unviable | unwritten}
        write(tree, originals, alive)
        start = time.monotonic()
        # Not `check`: what the core stands on was built for its tests already, and errors come before anything is built.
        built = cargo(tree, "test", "--no-run")
        checked = errors(built.stdout)
        guilty = set().union(*(culprits(tree, error) for error in checked)) if checked else set()
        print(f"{len(alive)} mutants, {len(checked)} errors, {len(guilty)} taken out ({time.monotonic() - start:.0f} s)", flush=True)
        if not checked:
            break
        if not guilty:
            sys.exit("\n".join(error["rendered"] for error in checked[:5]))
        unviable |= guilty
        known.write_text(json.dumps(sorted(unviable)))
    binaries = [json.loads(line).get("executable") for line in built.stdout.splitlines() if '"executable":"/' in line]
    if built.returncode != 0 or not binaries:
        sys.exit(built.stderr[-4000:])
    state = {"binary": binaries[-1], "alive": alive, "unviable": sorted(unviable), "unwritten": sorted(unwritten)}
    state["names"] = {number: one["name"] for number, one in mutants.items()}
    (tree / "mutants.json").write_text(json.dumps(state))
    print(f"{len(alive)} can live, {len(unviable)} do not compile, {len(unwritten)} are left to cargo-mutants")


def tested(state: dict, tree: Path, tests: list[str], seconds: float, **variables: str) -> str:
    """Runs tests of the core one after the other, up to the first that fails."""
    env = {**os.environ, "RUST_BACKTRACE": "0", "PROPTEST_FAILURE_PERSISTENCE": "off", "RUSTC_BOOTSTRAP": "1", **variables}
    command = [state["binary"], "--quiet", "--test-threads=1", "-Zunstable-options", "--fail-fast", "--exact", *tests]
    try:
        run = subprocess.run(command, cwd=tree / CORE, env=env, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return "timeout"
    return "missed" if run.returncode == 0 else "caught"


def reach(state: dict, tree: Path, workers: ThreadPoolExecutor) -> dict[str, dict]:
    """For each test, how long it takes and which mutants it comes by."""
    kept = tree / "reach.json"
    if kept.exists():
        return json.loads(kept.read_text())
    listed = subprocess.run([state["binary"], "--list"], capture_output=True, text=True, check=True).stdout
    tests = [line.removesuffix(": test") for line in listed.splitlines() if line.endswith(": test")]

    def one(test: str) -> dict:
        with tempfile.NamedTemporaryFile() as file:
            start = time.monotonic()
            if tested(state, tree, [test], 600, MUTANTS_REACHED=file.name) != "missed":
                sys.exit(f"{test} fails without any mutant")
            return {"seconds": time.monotonic() - start, "reached": [int(line) for line in Path(file.name).read_text().split()]}

    reached = dict(zip(tests, workers.map(one, tests), strict=True))
    kept.write_text(json.dumps(reached))
    return reached


def run(arguments: argparse.Namespace) -> None:
    state = json.loads((arguments.tree / "mutants.json").read_text())
    workers = ThreadPoolExecutor(arguments.jobs)
    reached = reach(state, arguments.tree, workers)
    by_mutant: dict[str, list[str]] = {}
    for test in sorted(reached, key=lambda test: reached[test]["seconds"]):
        for number in reached[test]["reached"]:
            by_mutant.setdefault(str(number), []).append(test)
    done = set()
    if arguments.results.exists():
        lines = arguments.results.read_text().splitlines()
        done = {line.split("\t")[1] for line in lines if not (arguments.slow and line.startswith("missed"))}
    chosen = {
        state["names"][number]: number
        for number, one in state["alive"].items()
        if any(pattern in one["file"] for pattern in arguments.patterns or [""])
    }
    if arguments.slow:
        rows = [line.split("\t") for line in arguments.slow.read_text().splitlines()]
        explained = {f"{file}: {words}" for file, words, _ in (row for row in rows if len(row) == 3)}
        chosen = {name: number for name, number in chosen.items() if re.sub(r":\d+:\d+: ", ": ", name, count=1) not in explained}
    elif not chosen:
        sys.exit(f"no mutant is in a file with {' or '.join(arguments.patterns)} in its path")

    def one(name: str) -> str:
        start, tests = time.monotonic(), by_mutant.get(chosen[name], [])
        what = "missed" if tests else "unreached"
        if not arguments.slow:
            tests = [test for test in tests if reached[test]["seconds"] < SLOW] or tests[:1]
        # The quick ones first: most mutants are caught by them.
        while what == "missed" and tests:
            few = [tests[0]] + [test for test in tests[1:] if reached[test]["seconds"] < 4 * max(0.02, reached[tests[0]]["seconds"])]
            tests = [test for test in tests if test not in few]
            usual = sum(reached[test]["seconds"] for test in few)
            what = tested(state, arguments.tree, few, 30 + 10 * usual, MUTANT=chosen[name])
        return f"{what}\t{name}\t{time.monotonic() - start:.1f}\n"

    with arguments.results.open("a") as results:
        for line in workers.map(one, [name for name in chosen if name not in done]):
            results.write(line)
            results.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("build")
    one.add_argument("--list", type=Path, required=True)
    one.add_argument("--source", type=Path, default=Path())
    one.add_argument("--tree", type=Path, required=True)
    one.set_defaults(do=build)
    two = commands.add_parser("run")
    two.add_argument("--tree", type=Path, required=True)
    two.add_argument("--results", type=Path, required=True)
    two.add_argument("--jobs", type=int, default=2)
    two.add_argument("--slow", type=Path)
    two.add_argument("patterns", nargs="*")
    two.set_defaults(do=run)
    arguments = parser.parse_args()
    arguments.do(arguments)


if __name__ == "__main__":
    main()
