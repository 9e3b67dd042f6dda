"""Reads a pickle as a description of what it asks for, and calls nothing of it.

A pickle is a program: most of its instructions put plain values together, some name a
function and call it. This reader carries out the former. Of the latter it records the
call (`Call`); what a recorded call stands for is then computed by functions of ours,
one for each name that is on a list (`build`). So a file cannot cause anything but
arrays and plain containers to be made, whatever it says. What it asks for beside these
is left as a `Refused`, which a part that nobody uses may be, and which is an error for
who takes it. Python's own unpickler is not involved.

Instructions: `pickletools` in Python's library, which also splits the stream.
"""

import io
import pickletools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from pie_jax.core.errors import PieError, shown
from pie_jax.io import reading
from pie_jax.io.allowance import Allowance

MAX_DEPTH = 100
"""How deep the containers of a file may be nested; ten is common."""
_COST = 16
"""Bytes that a reference to anything takes, at least."""
_WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a maker raises that cannot do with the arguments."""
_MAX_KEY_BITS = 64
_MAX_KEYS = 10_000
"""Keys of a file that are no text: an optimizer has one for each parameter."""


class Name:
    """A function or class that a pickle names."""

    def __init__(self, name: str):
        self.name = name


class Call:
    """A call that a pickle asks for, which nobody has made.

    Attributes:
        name: of the function or class.
        args: its arguments.
        state: what the result is to be restored from, or None.
        items: pairs of key and value to put into the result.
        elements: values to append to the result.
    """

    def __init__(self, name: str, args: tuple):
        self.name = name
        self.args = args
        self.state: Any = None
        self.items: list[tuple[Any, Any]] = []
        self.elements: list[Any] = []


class External(NamedTuple):
    """What the pickle says lies elsewhere in its file: an array's memory."""

    identifier: Any


class Pickle(NamedTuple):
    """A pickle's content: plain values, `Name`s, `Call`s and `External`s."""

    content: Any
    externals: list[External]


class Refused:
    """What a pickle asks for and is not made; whoever takes it raises it."""

    def __init__(self, wish: str):
        self.wish = shown(wish)

    def __repr__(self) -> str:
        return f"{self.wish}, which is not read"

    def error(self, file: str) -> PieError:
        """What says so."""
        return PieError(
            f"{file} is refused: it asks for {self.wish}, which a file of weights does "
            "not need. Nothing in it was run. Only arrays and plain containers are "
            "read; get the file from its publisher, or save its arrays alone."
        )


_TOO_MANY = Refused(f"more than {_MAX_KEYS} keys that are no text")


class Dict(dict):
    """A dictionary of a file, which raises `Refused` values when they are taken."""

    def __init__(self, pairs: Iterable[tuple[Any, Any]], file: str):
        super().__init__(pairs)
        self._file = file

    def __getitem__(self, key: Any) -> Any:
        return taken(super().__getitem__(key), self._file)

    def get(self, key: Any, default: Any = None) -> Any:
        """As of any dictionary."""
        return taken(super().get(key, default), self._file)


def taken(value: Any, file: str) -> Any:
    """The value itself; its error where it is `Refused`, or a mere name."""
    if isinstance(value, Name):
        value = Refused(value.name)
    if isinstance(value, Refused):
        raise value.error(file)
    return value


class _Mark:
    """Where the arguments of an instruction begin on the stack."""


def read(data: bytes | BinaryIO, file: str) -> Pickle:
    """Reads one pickle.

    Args:
        data: the pickle; of a stream nothing beyond the pickle's end is consumed.
        file: what the errors call it.

    Raises:
        PieError: it uses instructions that no plain file needs, or is damaged or
            truncated.
    """
    stream = io.BytesIO(data) if isinstance(data, bytes) else data
    machine = _Machine(file)
    with reading.explained(file, "cannot be read: its pickle is damaged or truncated"):
        for instruction, argument, _ in pickletools.genops(stream):
            machine.do(instruction.name, argument)
        return Pickle(machine.pop(), machine.externals)


class _Machine:
    """The stack and the memory that a pickle's instructions work on."""

    def __init__(self, file: str):
        self.file = file
        self.stack: list[Any] = []
        self.memo: dict[str, Any] = {}
        self.externals: list[External] = []
        self.keys = _Keys()

    def do(self, instruction: str, argument: Any) -> None:
        """Carries out one instruction."""
        if instruction in _VALUES:
            self.stack.append(argument)
        elif instruction in _NOTHING:
            pass
        elif instruction in _INSTRUCTIONS:
            _INSTRUCTIONS[instruction](self, argument)
        else:
            raise Refused(f"the instruction {instruction}").error(self.file)

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _Mark:
            raise ValueError("a mark where a value belongs")
        return value

    def pop_to_mark(self) -> list[Any]:
        values = []
        while (value := self.stack.pop()) is not _Mark:
            values.append(value)
        return values[::-1]

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError("a name that is no text")
        self.stack.append(Name(f"{module}.{name}"))

    def call(self, function: Any, args: Any) -> None:
        if not isinstance(function, Name | Call):
            raise Refused("a call of what a value gives").error(self.file)
        if not isinstance(args, tuple):
            raise TypeError("arguments that are no tuple")
        called = "a call of what " * isinstance(function, Call) + function.name
        self.stack.append(Call(called, args))

    def external(self, identifier: Any) -> None:
        self.externals.append(External(identifier))
        self.stack.append(self.externals[-1])

    def restore(self, state: Any) -> None:
        if not isinstance(self.stack[-1], Call):
            raise Refused("new attributes of a plain value").error(self.file)
        self.stack[-1].state = state

    def append(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, set):
            target.update(map(self.keys.key, values))
        elif isinstance(target, list | Call):
            elements = target if isinstance(target, list) else target.elements
            elements.extend(values)
        else:
            raise TypeError("elements of what is no list")

    def set_items(self, values: list[Any]) -> None:
        target = self.stack[-1]
        pairs = self.keys.pairs(values)
        if isinstance(target, dict):
            target.update(pairs)
        elif isinstance(target, Call):
            target.items.extend(pairs)
        else:
            raise TypeError("items of what is no dictionary")


class _Keys:
    """Makes keys of a file's values, so that none takes long to find.

    The hash of text differs in every process. Of anything else a file can choose it,
    and so the places of a dictionary that are looked at for a key.
    """

    def __init__(self) -> None:
        self._left = _MAX_KEYS

    def key(self, value: Any) -> Any:
        """The value itself; `Refused` where it may be no key."""
        if isinstance(value, Refused) or (value and isinstance(value, str | bytes)):
            return value
        # Any deeper value could exhaust the stack when it is hashed, and numbers of
        # more digits take long to compare.
        short = isinstance(value, int) and value.bit_length() <= _MAX_KEY_BITS
        if not short and not isinstance(value, str | bytes | float | NoneType):
            return Refused("a key that is neither text nor number")
        self._left -= 1
        return value if self._left >= 0 else _TOO_MANY

    def pairs(self, values: list[Any]) -> list[tuple[Any, Any]]:
        """Keys with values, which alternate."""
        keys = map(self.key, values[::2])
        return list(zip(keys, values[1::2], strict=True))


def _stack_name(machine: _Machine, _: Any) -> None:
    name, module = machine.pop(), machine.pop()
    machine.name(module, name)


def _call(machine: _Machine, _: Any) -> None:
    args, function = machine.pop(), machine.pop()
    machine.call(function, args)


def _call_with_keywords(machine: _Machine, _: Any) -> None:
    keywords = machine.pop()
    _call(machine, None)
    if keywords:  # which no maker of ours takes
        machine.stack[-1].name += " with keywords"


def _call_marked(machine: _Machine, _: Any) -> None:
    function, *args = machine.pop_to_mark()
    machine.call(function, tuple(args))


def _call_named(machine: _Machine, name: str) -> None:
    args = machine.pop_to_mark()
    machine.name(*name.split(" ", 1))
    machine.call(machine.pop(), tuple(args))


def _tuple(count: int) -> Callable[[_Machine, Any], None]:
    def make(machine: _Machine, _: Any) -> None:
        values = [machine.pop() for _ in range(count)]
        machine.stack.append(tuple(reversed(values)))

    return make


def _memorise(machine: _Machine, index: Any) -> None:
    # As text, whose hash is not the file's choice.
    place = str(len(machine.memo) if index is None else index)
    machine.memo[place] = machine.stack[-1]


def _recall(machine: _Machine, index: Any) -> None:
    machine.stack.append(machine.memo[str(index)])


def _push(make: Callable[[], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.stack.append(make())


_VALUES = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
}
_NOTHING = {"PROTO", "FRAME", "STOP"}
_INSTRUCTIONS: dict[str, Callable[[_Machine, Any], Any]] = {
    "NONE": _push(lambda: None),
    "NEWTRUE": _push(lambda: True),
    "NEWFALSE": _push(lambda: False),
    "EMPTY_LIST": _push(list),
    "EMPTY_DICT": _push(dict),
    "EMPTY_SET": _push(set),
    "EMPTY_TUPLE": _push(tuple),
    "MARK": _push(lambda: _Mark),
    "TUPLE": lambda m, _: m.stack.append(tuple(m.pop_to_mark())),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "LIST": lambda m, _: m.stack.append(m.pop_to_mark()),
    "DICT": lambda m, _: m.stack.append(dict(m.keys.pairs(m.pop_to_mark()))),
    "FROZENSET": lambda m, _: m.stack.append(
        frozenset(map(m.keys.key, m.pop_to_mark()))
    ),
    "APPEND": lambda m, _: m.append([m.pop()]),
    "APPENDS": lambda m, _: m.append(m.pop_to_mark()),
    "ADDITEMS": lambda m, _: m.append(m.pop_to_mark()),
    "SETITEM": lambda m, _: m.set_items([m.pop(), m.pop()][::-1]),
    "SETITEMS": lambda m, _: m.set_items(m.pop_to_mark()),
    "POP": lambda m, _: m.stack.pop(),
    "POP_MARK": lambda m, _: m.pop_to_mark(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "PUT": _memorise,
    "BINPUT": _memorise,
    "LONG_BINPUT": _memorise,
    "MEMOIZE": _memorise,
    "GET": _recall,
    "BINGET": _recall,
    "LONG_BINGET": _recall,
    "GLOBAL": lambda m, name: m.name(*name.split(" ", 1)),
    "STACK_GLOBAL": _stack_name,
    "INST": _call_named,
    "OBJ": _call_marked,
    "REDUCE": _call,
    "NEWOBJ": _call,
    "NEWOBJ_EX": _call_with_keywords,
    "BUILD": lambda m, _: m.restore(m.pop()),
    "PERSID": lambda m, identifier: m.external(identifier),
    "BINPERSID": lambda m, _: m.external(m.pop()),
}


def build(
    content: Any,
    makers: Mapping[str, Callable[[Call], Any]],
    allowance: Allowance,
    external: Callable[[Any], Any] | None = None,
) -> Any:
    """Turns what `read` gave, a `Pickle`'s content or a part of it, into plain values.

    Args:
        makers: for each name the function that makes what calling it stands for; it
            takes the `Call`, whose arguments are built already. What it does not take,
            and any other call, becomes `Refused`.
        allowance: what the values may take, written out with every part as often as it
            is referred to.
        external: makes what an identifier stands for.

    Raises:
        PieError: all of it is `Refused`; they take more; or containers are nested
            deeper than `MAX_DEPTH`.
    """
    _check(content, allowance)
    built = _Builder(makers, allowance.file, external).build(content)
    _check(built, allowance)
    return taken(built, allowance.file)


def _check(content: Any, allowance: Allowance) -> None:
    """Raises PieError where a value is too deep, or too large when it is written out."""
    known: dict[int, tuple[int, int]] = {}

    def measured(value: Any, depth: int) -> tuple[int, int]:
        """Bytes and height of a value, which lies `depth` containers deep."""
        parts = _parts(value)
        if not parts:
            return _COST + _length(value), 0
        if id(value) not in known:
            below = (0, MAX_DEPTH)
            if depth < MAX_DEPTH:  # which what contains itself never is
                found = [measured(part, depth + 1) for part in parts]
                below = sum(x for x, _ in found), max(x for _, x in found)
            if below[1] >= MAX_DEPTH:
                raise PieError(
                    f"{allowance.file} is refused: its containers are nested more than "
                    f"{MAX_DEPTH} deep."
                )
            known[id(value)] = _COST + _length(value) + below[0], 1 + below[1]
        return known[id(value)]

    allowance.check(measured(content, 0)[0])


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Call):
        items = (item for _, item in value.items)
        return [value.args, value.state, *items, *value.elements]
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple | set | frozenset) else ()


def _length(value: Any) -> int:
    """The bytes of a value itself; of a dictionary, of its keys."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, str | bytes | bytearray):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 8
    if isinstance(value, Call):
        return sum(_length(key) for key, _ in value.items)
    return sum(map(_length, value)) if isinstance(value, dict) else 0


@dataclass(eq=False)
class _Builder:
    """Builds every value once, however often it is referred to."""

    makers: Mapping[str, Callable[[Call], Any]]
    file: str
    external: Callable[[Any], Any] | None
    built: dict[int, Any] = field(default_factory=dict)

    def build(self, value: Any) -> Any:
        if not isinstance(value, list | tuple | dict | Call):
            return value
        if id(value) not in self.built:
            self.built[id(value)] = self._build(value)
        return self.built[id(value)]

    def _build(self, value: Any) -> Any:
        if isinstance(value, External):
            if self.external is None:
                return Refused("memory elsewhere")
            identifier = self.build(value.identifier)
            return self._make("memory elsewhere", self.external, identifier)
        if isinstance(value, dict):
            pairs = ((key, self.build(item)) for key, item in value.items())
            return Dict(pairs, self.file)
        if isinstance(value, list | tuple):
            return type(value)(self.build(item) for item in value)
        if value.name not in self.makers:
            return Refused(value.name)
        call = Call(value.name, self.build(value.args))
        call.state = self.build(value.state)
        call.items = [(key, self.build(item)) for key, item in value.items]
        call.elements = [self.build(item) for item in value.elements]
        for argument in call.args:
            if isinstance(argument, Refused):
                return argument
        made = self._make(value.name, self.makers[value.name], call)
        return Dict(made.items(), self.file) if isinstance(made, dict) else made

    def _make(self, name: str, maker: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return maker(argument)
        except _WRONG as error:
            why = reading.why(error)
            return Refused(
                f"{name} with arguments that make no array or container ({why})"
            )


def dictionary(pairs: Iterable[tuple[Any, Any]]) -> dict:
    """A dictionary of a file's pairs of key and value."""
    keys = _Keys()
    return {keys.key(key): value for key, value in pairs}


def make_dict(call: Call) -> dict:
    """The maker of dictionaries of any class: `collections.OrderedDict` and others."""
    made = dictionary(call.args[0] if call.args else [])
    return made | dict(call.items)


def make_set(call: Call) -> set:
    """The maker of sets."""
    keys = _Keys()
    return {keys.key(value) for values in call.args for value in values}


CONTAINERS: dict[str, Callable[[Call], Any]] = {
    "collections.OrderedDict": make_dict,
    "builtins.set": make_set,
    "__builtin__.set": make_set,
}
"""Makers of the containers that all kinds of files use."""
