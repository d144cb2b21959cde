from os import VfsLfs2, mount, umount
