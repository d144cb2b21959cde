import sys, json
from littlefs import LittleFS
from littlefs.context import UserContext
from littlefs.errors import LittleFSError

command, image, block_count = sys.argv[1], sys.argv[2], int(sys.argv[3])


def make(context, mount):
    return LittleFS(
        context=context, block_size=4096, block_count=block_count, read_size=32, prog_size=32,
        cache_size=128, lookahead_size=32, block_cycles=100, name_max=255, mount=mount,
        disk_version=0x00020000,
    )


context = UserContext(4096 * block_count)
if command == 'read':
    context.buffer = bytearray(open(image, 'rb').read())
    fs = make(context, False)
    fs.mount()
    found = {}
    for folder, folders, files in fs.walk('/'):
        for name in files:
            path = folder.rstrip('/') + '/' + name
            with fs.open(path, 'rb') as file:
                found[path] = file.read().hex()
        for name in folders:
            found[folder.rstrip('/') + '/' + name] = None
    print(json.dumps(found))
else:
    if command == 'change':
        context.buffer = bytearray(open(image, 'rb').read())
        fs = make(context, False)
        fs.mount()
    else:
        fs = make(context, False)
        fs.format()
        fs.mount()
    for step in json.load(sys.stdin):
        if step[0] == 'mkdir':
            fs.mkdir(step[1])
        elif step[0] == 'remove':
            fs.remove(step[1])
        elif step[0] == 'rename':
            fs.rename(step[1], step[2])
        else:
            # This library's append mode does not create.
            try:
                fs.stat(step[1])
                mode = step[0]
            except LittleFSError:
                mode = 'w'
            with fs.open(step[1], mode + 'b') as file:
                file.write(bytes.fromhex(step[2]))
    fs.unmount()
    open(image, 'wb').write(bytes(context.buffer))
