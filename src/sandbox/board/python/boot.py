# Puts the chip's modules in place of the interpreter's, then hands the files of the board to it.
# `wx` is the sandbox's side; `main` the globals of the REPL.
import builtins
import gc as native_gc
import io
import sys
import vfs
from uctypes import addressof

BUILTIN = "/\x01/"
EPERM, ENOENT, EINVAL = 1, 2, 22

# Modules that are C code on the chip: they show no file and cannot be shadowed.
C_MODULES = (
    "sys os vfs time machine network socket esp esp32 gc micropython ssl tls hashlib select binascii"
    " websocket _webrepl"
).split()

# Those of them that old code knows under a name with "u" before it.
U_MODULES = "binascii hashlib machine os select socket ssl sys time".split()

# Modules that are Python on the chip too, frozen into its firmware: files of the board go before.
FROZEN = ("_boot", "flashbdev", "inisetup", "webrepl")

native_import = builtins.__import__
names = set(wx.module_names().split()).difference(FROZEN)
names.remove("boot")


# Being loaded: what they import under their own name is the interpreter's module.
loading = []


def load(name):
    # Under its own name the interpreter would not look for a file.
    alias = "_c_" + name if name in C_MODULES else name
    path = sys.path
    path.insert(0, BUILTIN[:-1])
    loading.append(name)
    try:
        native_import(alias)
    finally:
        loading.remove(name)
        path.remove(BUILTIN[:-1])
    module = sys.modules[alias]
    if alias != name:
        del sys.modules[alias]
        del module.__file__
        module.__name__ = name
        module.__getattr__ = missing
        sys.modules[name] = module
    return module


def missing(name):
    raise AttributeError("'module' object has no attribute '%s'" % name)


def importing(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0:
        if name[:1] == "u" and name[1:] in U_MODULES:
            if name[1:] not in loading and not shadowed(name):
                name = name[1:]
        base = name.split(".", 1)[0]
        if base in names and base not in sys.modules and base not in loading:
            if not shadowed(base):
                load(base)
        if base == "asyncio" and base not in sys.modules and not shadowed(base):
            native_import(base)
            load("_run")
        if name in C_MODULES:
            for wanted in fromlist or ():
                if wanted != "*" and not hasattr(sys.modules[name], wanted):
                    raise ImportError("can't import name " + wanted)
    return native_import(name, globals, locals, fromlist, level)


def shadowed(name):
    if name in C_MODULES:
        return False
    for path in (name + ".py", name, name + ".mpy"):
        try:
            root.stat(path)
            return True
        except OSError:
            pass
    return False


def source_name(path):
    name = path[len(BUILTIN) :]
    if not name.endswith(".py"):
        return None
    name = name[:-3]
    return name[3:] if name.startswith("_c_") else None if name in C_MODULES else name


def is_frozen(path):
    return path.endswith(".py") and path[:-3] in FROZEN


class Root:
    """What C code sees at "/": the sources of the built-in modules and the board's own files."""

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path.startswith(BUILTIN):
            if source_name(path) in names:
                return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            raise OSError(ENOENT)
        try:
            return files.stat(path)
        except OSError:
            if not is_frozen(path):
                raise
            return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)

    def open(self, path, mode):
        if path.startswith(BUILTIN):
            return io.BytesIO(wx.module(source_name(path)).encode())
        try:
            file = files.open(path, "rb")
        except OSError:
            if not is_frozen(path):
                raise
            return io.BytesIO(wx.module(path[:-3]).encode())
        try:
            return io.BytesIO(file.read())
        finally:
            file.close()


vfs.umount("/")
root = Root()
vfs.mount(root, "/")
sys.modules["_wx"] = wx
builtins.__import__ = importing
os = load("os")
files = os._files
builtins.open = files.open
for name in C_MODULES:
    if name in names and name != "os":
        load(name)
chip_sys = sys.modules["sys"]


def run(path):
    """Runs a file as the chip does at its start; False where it did not end by itself."""
    try:
        try:
            file = files.open(path, "rb")
        except OSError:
            return True
        source = file.read()
        file.close()
        exec(compile(source, path, "exec"), main)
    except SystemExit:
        return False
    except BaseException as e:
        report(e)
        return False
    return True


def report(error):
    # Ctrl-C may come any number of times, also while the one before is printed.
    try:
        chip_sys.print_exception(error)
    except BaseException:
        pass


def started(is_raw):
    try:
        exec(compile(wx.module("_boot"), "_boot.py", "exec"), main)
    except BaseException as e:
        report(e)
    if run("boot.py") and not is_raw:
        if wx.is_busy():
            busy()
        else:
            run("main.py")


# A fault on request: prints, computes, and lets go at the fourth Ctrl-C only.
BUSY = """
import time
caught = 0
while True:
    try:
        while True:
            print("busy", time.ticks_ms())
            for _ in range(2000):
                pass
    except KeyboardInterrupt:
        caught += 1
        if caught > 3:
            raise
"""


def busy():
    try:
        exec(compile(BUSY, "main.py", "exec"), main)
    except BaseException as e:
        chip_sys.print_exception(e)


def readline(prompt=""):
    """input(): the line editor of the chip, as far as one line needs it."""
    print(prompt, end="")
    out = chip_sys.stdout.write
    line = []
    while True:
        c = chip_sys._read_byte()
        if c == 13:
            out("\n")
            return bytes(line).decode()
        if c == 4 and not line:
            raise EOFError
        if c in (8, 127):
            if line:
                line.pop()
                out("\b\x1b[K")
        elif c >= 32:
            line.append(c)
            chip_sys.stdout.buffer.write(bytes((c,)))


def helping(thing=None):
    if thing is None or thing == "modules":
        texts = load("_help") if "_help" not in sys.modules else sys.modules["_help"]
        print(texts.WELCOME if thing is None else texts.MODULES, end="")
    else:
        native_help(thing)


native_help = builtins.help
builtins.help = helping
builtins.input = readline
wx.set_started(started)
native_gc.collect()
wx.heap_start(native_gc.mem_alloc())
