# SPDX-License-Identifier: MIT
"""The second stage: makes the embedded code importable, imports it, and runs the main module.

It is read by the first stage from the bootstrap pipe, and knows itself as TEXT; the program comes
over the descriptor after that one, as the JSON text that bootstrap/program.h describes.

Processes that multiprocessing starts anew run this text too, for the embedded modules alone.
"""
import sys

sys.path[:] = [entry for entry in sys.path if entry]  # "" is whatever folder the daemon started in

import binascii  # noqa: E402
import builtins  # noqa: E402
import errno  # noqa: E402
import functools  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import linecache  # noqa: E402
import os  # noqa: E402
import types  # noqa: E402
from importlib import machinery, util  # noqa: E402

# Names that no embedded module can take over: the interpreter itself relies on these objects.
INTERPRETER_MODULES = frozenset(
    ("__main__", "_frozen_importlib", "_frozen_importlib_external", "_imp", "builtins",
     "importlib", "sys"))

CHILD_NAME = "__jumpboot_child__"
CHILD_MAIN = "__jumpboot_main__"


class Entry:
    """One embedded module or package."""

    __slots__ = ("path", "encoded", "is_text", "folder", "tree")

    def __init__(self, path, encoded, is_text=False, folder=None, tree=None):
        self.path = path  # virtual path of the source; None for a package without __init__
        self.encoded = encoded  # the source in base64, decoded whenever it is wanted
        self.is_text = is_text  # it is UTF-8, whatever encoding the source itself declares
        self.folder = folder  # virtual path of a package's folder; None for a plain module
        self.tree = tree  # a package's files: {name: base64 or the tree of a subfolder}

    def source(self):
        """What compile() takes."""
        data = binascii.a2b_base64(self.encoded)
        return data.decode("utf-8") if self.is_text else data


class SourceLines:
    """The lines of an embedded source as linecache hands them out; made when first wanted."""

    def __init__(self, importer, name):
        self._importer = importer
        self._name = name
        self._lines = None

    def _made(self):
        if self._lines is None:
            try:
                source = self._importer.get_source(self._name)
            except (ImportError, SyntaxError, UnicodeError):
                source = ""
            self._lines = io.StringIO(source).readlines()
        return self._lines

    def __len__(self):
        return len(self._made())

    def __getitem__(self, index):
        return self._made()[index]

    def __iter__(self):
        return iter(self._made())


class Importer:
    """Finder and loader of the embedded modules, first on sys.meta_path."""

    def __init__(self):
        self.entries = {}
        self._files = {}  # virtual path: base64
        self._folders = {}  # virtual path of a package's folder: the package's name
        self._changes = {}  # name of an installed module: what is called with it once it is loaded

    # What the program brings

    def add_module(self, name, module):
        self.entries[name] = Entry(module["Path"], module["Source"], module.get("Text", False))
        self._add_file(module["Path"], module["Source"])

    def _add_file(self, path, encoded):
        self._files[os.path.normpath(path)] = encoded

    def add_package(self, name, package):
        """Adds a package with all below it and returns the tree of its files."""
        folder = package["Path"]
        tree = {}
        entry = self._add_folder(name, folder, tree)
        for sub in package["Packages"]:
            tree[sub["Name"]] = self.add_package(name + "." + sub["Name"], sub)
        for module in package["Modules"]:
            self._add_to_package(name, entry, module)
        for data in package["Data"]:
            self._add_file(folder + "/" + data["Name"], data["Source"])
            self._add_data(name, folder, tree, data)
        return tree

    def _add_folder(self, name, folder, tree):
        entry = self.entries[name] = Entry(None, "", folder=folder, tree=tree)
        self._folders[folder] = name
        return entry

    def _add_data(self, name, folder, tree, data):
        """Enters a data file; the folders on the way to it are packages without __init__."""
        *above, last = data["Name"].split("/")
        for part in above:
            name, folder = name + "." + part, folder + "/" + part
            tree = tree.setdefault(part, {})
            if name not in self.entries and "." not in part:
                self._add_folder(name, folder, tree)
        tree[last] = data["Source"]

    def _add_to_package(self, package_name, entry, module):
        name = package_name + "." + module["Name"]
        if module["Name"] == "__init__":
            entry.path, entry.encoded = module["Path"], module["Source"]
        elif name not in self.entries or self.entries[name].path is None:
            # As on disk: a module comes before a folder without __init__, and after one with it.
            self.add_module(name, module)
        self._add_file(module["Path"], module["Source"])
        entry.tree[module["Name"] + ".py"] = module["Source"]

    # The finder

    def find_spec(self, fullname, path=None, target=None):
        entry = self.entries.get(fullname)
        if entry is None:
            return self._changed_spec(fullname, path) if fullname in self._changes else None
        spec = machinery.ModuleSpec(
            fullname, self, origin=entry.path, is_package=entry.folder is not None)
        spec.has_location = entry.path is not None
        if entry.folder is not None:
            spec.submodule_search_locations.append(entry.folder)
        return spec

    def change(self, name, change):
        """Has a module of Python's own changed, once the program imports it."""
        if name in sys.modules:
            change(sys.modules[name])
        else:
            self._changes[name] = change

    def _changed_spec(self, fullname, path):
        spec = find_elsewhere(fullname, path, self)
        if spec is not None and spec.loader is not None:
            spec.loader = ChangingLoader(spec.loader, self._changes[fullname])
        return spec

    def path_hook(self, path):
        """For sys.path_hooks: what stands on disk in an embedded folder is not imported."""
        if path not in self._folders or path in sys.path:
            raise ImportError("not the folder of an embedded package", path=path)
        return FolderFinder(self, self._folders[path], path)

    # The loader

    def create_module(self, spec):
        return None

    # The importlib machinery's own: its frames are those that Python leaves out of tracebacks.
    exec_module = machinery.SourceFileLoader.exec_module

    def _entry(self, fullname):
        try:
            return self.entries[fullname]
        except KeyError:
            raise ImportError("%s is not an embedded module" % fullname, name=fullname) from None

    def get_code(self, fullname):
        entry = self._entry(fullname)
        if entry.path is None:
            return compile("", "<%s>" % fullname, "exec", dont_inherit=True)
        source = entry.source()
        # No modification time: linecache.checkcache() keeps the entry, whatever is on disk now.
        linecache.cache[entry.path] = (len(source), None, SourceLines(self, fullname), entry.path)
        nul, line_end = ("\0", "\n") if entry.is_text else (b"\0", b"\n")
        nul = source.find(nul)
        if nul >= 0:  # told in as many ways as there are versions of Python, mostly without place
            raise SyntaxError("the source contains a null byte",
                              (entry.path, source.count(line_end, 0, nul) + 1, None, None))
        return compile(source, entry.path, "exec", dont_inherit=True)

    def virtual_paths(self):
        """Those of the program's own code."""
        return {entry.path for name, entry in self.entries.items()
                if entry.path is not None and name.partition(".")[0] != "jumpboot"}

    def get_source(self, fullname):
        source = self._entry(fullname).source()
        if isinstance(source, str):
            return io.IncrementalNewlineDecoder(None, True).decode(source)
        return util.decode_source(source)

    def is_package(self, fullname):
        return self._entry(fullname).folder is not None

    def get_filename(self, fullname):
        path = self._entry(fullname).path
        if path is None:
            raise ImportError("%s is a package without __init__" % fullname, name=fullname)
        return path

    def get_data(self, path):
        encoded = self._files.get(os.path.normpath(path))
        if encoded is None:
            raise FileNotFoundError(errno.ENOENT, "This file is not embedded", str(path))
        return binascii.a2b_base64(encoded)

    def get_resource_reader(self, fullname):
        entry = self._entry(fullname)
        if entry.folder is None:
            return None
        from jumpboot.resources import Reader
        return Reader(entry.folder, entry.tree)


class FolderFinder:
    """What importlib and pkgutil find when they look into the folder of an embedded package."""

    def __init__(self, importer, package_name, folder):
        self._importer = importer
        self._package_name = package_name
        self._extensions = machinery.FileFinder(
            folder, (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES))

    def find_spec(self, fullname, target=None):
        spec = self._importer.find_spec(fullname)
        if spec is None:  # a compiled module cannot be embedded
            spec = self._extensions.find_spec(fullname, target)
        return spec if spec is not None and spec.loader is not None else None

    def iter_modules(self, prefix=""):
        start = self._package_name + "."
        for name, entry in list(self._importer.entries.items()):
            below = name.startswith(start) and "." not in name[len(start):]
            if below and entry.path is not None:  # as on disk, where __init__ makes a package
                yield prefix + name[len(start):], entry.folder is not None

    def invalidate_caches(self):
        self._extensions.invalidate_caches()


class ChangingLoader:
    """Loads an installed module as its own loader does, and then changes it."""

    def __init__(self, loader, change):
        self._loader = loader
        self._change = change

    def create_module(self, spec):
        return self._loader.create_module(spec)

    def exec_module(self, module):
        module.__loader__ = module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._change(module)


def find_elsewhere(fullname, path, importer):
    """The spec that an import would come to if it were not for the importer."""
    namespace = None  # a folder without __init__, if nothing better comes
    for finder in list(sys.meta_path):
        if finder is importer or not hasattr(finder, "find_spec"):
            continue
        try:
            spec = finder.find_spec(fullname, path)
        except Exception:  # a broken finder or folder: what it cannot find it does not hide
            spec = None
        if spec is not None and spec.loader is not None:
            return spec
        if spec is not None and spec.submodule_search_locations:
            namespace = namespace or spec
    return namespace


def installed_spec(name, importer):
    """The spec of an installed module, found without importing what it lies in."""
    first, *below = name.split(".")
    spec = None if first in importer.entries else find_elsewhere(first, None, importer)
    for part in below:  # by its last part alone: the whole name would make Python ask the parents
        if spec is None:
            return None
        path = list(spec.submodule_search_locations or ())
        spec = machinery.PathFinder.find_spec(part, path)
    return spec


def place_of(spec):
    """Where an installed module lies, for people."""
    if spec is None:
        return "part of Python"
    return spec.origin or ", ".join(spec.submodule_search_locations or ()) or "part of Python"


def add_top_level(importer, name, status):
    """Makes room for an embedded top-level name; a hidden module is told in the log."""
    if name in INTERPRETER_MODULES or name in importer.entries:
        why = "Python itself needs it" if name in INTERPRETER_MODULES else "it is there twice"
        raise ImportError('no embedded module can be named "%s": %s' % (name, why), name=name)
    if "." in name:
        parent = name.rpartition(".")[0]
        if parent not in importer.entries and installed_spec(parent, importer) is None:
            add_top_level(importer, parent, status)
            importer.add_package(
                parent, {"Path": "<%s>" % parent, "Modules": [], "Packages": [], "Data": []})
        return
    spec = installed_spec(name, importer)
    if spec is None and name not in sys.modules:
        return
    status.log("warning", 'the embedded "%s" hides an installed module of that name (%s)'
               % (name, place_of(spec)))
    for loaded in [key for key in sys.modules if (key + ".").startswith(name + ".")]:
        del sys.modules[loaded]


def load_program_data(importer, program, status):
    """Enters all modules and packages of the program and returns the top-level names."""
    names = []
    for items, add in ((program["Modules"], importer.add_module),
                       (program["Packages"][1:], importer.add_package)):
        for item in items:
            add_top_level(importer, item["Name"], status)
            add(item["Name"], item)
            names.append(item["Name"])
    importer.add_module("__main__", program["Program"])
    return names


class Embedded:
    """The embedded code, on its way to a process that multiprocessing starts anew: to unpickle it
    is to run this text there."""

    def __init__(self, program):
        self._program = program

    def __reduce__(self):
        return exec, (TEXT, {"__name__": CHILD_NAME, "TEXT": TEXT, "PROGRAM": self._program})


def embed_in_children(spawn, program):
    """Has processes started anew import the embedded code, and the main module by a name: there
    may be no file of it, and it is not what lies there that runs."""
    prepare = spawn.get_preparation_data

    def get_preparation_data(name):
        data = prepare(name)
        data.pop("init_main_from_path", None)
        data.update(init_main_from_name=CHILD_MAIN, embedded=Embedded(program))
        return data

    spawn.get_preparation_data = get_preparation_data


def fork_by_default(context):
    """Keeps the start method that multiprocessing had before Python 3.14."""
    default, contexts = context._default_context, context._concrete_contexts
    default._default_context = contexts["fork"]


def begin_child(program):
    """In a process that multiprocessing has started anew: makes the same names importable."""
    importer = install(program)
    import jumpboot
    from jumpboot.resources import teach_files
    vars(jumpboot).update(program["KVPairs"])
    sys.extra_file_descriptors = []
    teach_files()
    load_program_data(importer, program, types.SimpleNamespace(log=lambda level, message: None))
    importer.add_module(CHILD_MAIN, program["Program"])


def install(program):
    """Puts the importer first, with nothing but the jumpboot package in it."""
    importer = Importer()
    importer.add_package("jumpboot", program["Packages"][0])
    sys.meta_path.insert(0, importer)
    sys.path_hooks.insert(0, importer.path_hook)
    importer.change("multiprocessing.context", fork_by_default)
    importer.change("multiprocessing.spawn", lambda spawn: embed_in_children(spawn, program))
    return importer


class Forks:
    """What modules have registered for forks, in the process that workers are forked from. When it
    forks a worker, it does without some of it, which would have the worker touch, and so have of
    its own, several hundred KB: there are no other threads whose locks had to be made anew, and the
    template has a quicker way to seed random numbers."""

    _LEFT_OUT = ("threading", "logging", "concurrent.futures.thread", "random", "jumpboot.worker")

    def __init__(self):
        self.is_worker = False  # what is being forked
        self._hooks = []  # those that are left out then, as they were registered

    def install(self):
        """Before the modules are imported: what is registered by then is done in any case."""
        register = os.register_at_fork

        @functools.wraps(register)
        def register_at_fork(**hooks):
            if sys._getframe(1).f_globals.get("__name__") in self._LEFT_OUT:
                self._hooks.append(hooks)
            else:
                register(**hooks)

        register(before=self._before, after_in_parent=self._after_in_parent,
                 after_in_child=self._after_in_child)
        os.register_at_fork = register_at_fork

    def _run(self, when, hooks):
        for known in hooks:
            if when in known:
                known[when]()

    def _before(self):
        if not self.is_worker:
            self._run("before", reversed(self._hooks))

    def _after_in_parent(self):
        if not self.is_worker:
            self._run("after_in_parent", self._hooks)

    def _after_in_child(self):
        if not self.is_worker:
            self._run("after_in_child", self._hooks)


def run_main(importer, program):
    """Runs the main module as __main__, as `python FILE` would."""
    main = types.ModuleType("__main__")
    main.__file__ = program["Program"]["Path"]
    main.__loader__ = importer
    main.__builtins__ = builtins
    sys.modules["__main__"] = main
    if "__mp_main__" in sys.modules:  # multiprocessing, if there already, knows the module so, too
        sys.modules["__mp_main__"] = main
    exec(importer.get_code("__main__"), main.__dict__)
    return main


def boot():
    bootstrap_fd, extra_count = int(sys.argv[1]), int(sys.argv[2])
    sys.extra_file_descriptors = [int(fd) for fd in sys.argv[3:3 + extra_count]]
    with open(bootstrap_fd + 1, "rb") as pipe:
        program = json.loads(pipe.read())
    sys.argv[:] = [program["Program"]["Path"]] + sys.argv[3 + extra_count:]

    is_template = program.get("Control") in sys.extra_file_descriptors
    if is_template:  # the last one, and not one of those that the program knows of
        sys.extra_file_descriptors.remove(program["Control"])
        os.set_inheritable(program["Control"], False)
        forks = Forks()
        forks.install()

    importer = install(program)
    from jumpboot.worker import Worker
    worker = Worker(program)
    importer.change("concurrent.futures.thread", worker.origin.follow_executors)
    if is_template:
        worker.make_template(program, forks)
    with worker.stage("bootstrap"):
        worker.prepare()
        names = load_program_data(importer, program, worker.status)
    with worker.stage("debugger"):
        debugger = worker.wait_for_debugger(program, importer.virtual_paths())
    with worker.stage("import"):
        for name in names:
            importlib.import_module(name)
    with worker.stage("main"):
        if debugger is not None:
            debugger.before_main()
        main = run_main(importer, program)
    if worker.has_own_loop():
        worker.serve()
        return
    if is_template:
        with worker.stage("main"):
            worker.make_table(main)
        if not worker.fork_workers():
            return  # the template, at its end
        if worker.is_prepared():
            worker.serve()  # from here: to leave this frame would have the worker take it apart
            return
    with worker.stage("on_start"):
        worker.start()
    with worker.stage("main"):
        worker.make_table(main)
    worker.serve()


if __name__ == CHILD_NAME:
    begin_child(PROGRAM)  # noqa: F821
else:
    boot()
